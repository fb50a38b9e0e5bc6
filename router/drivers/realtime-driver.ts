import type { Duration, Instant, Machine, Out } from "../core/machine.ts";
import { after, between, earlier, hostTimerMaxMs, instantAt, later, micros, millis, never, startOfTime } from "../core/time.ts";
import { hostTimers, monotonicNow, type HostTimers, type TimerHandle } from "./host-timers.ts";

/** Lateness up to this is the timer's own (1 ms) and ordinary scheduling; beyond it, answers may lie unread in the sockets. */
const lateAfter = millis(5);
const timerMax = millis(hostTimerMaxMs);
/** The loop's pulse while something is pending: how exactly the start of a stall is known. */
const pulse = millis(25);
const stallAfter = millis(250);

export type Recorded<Event, Command> =
  | { readonly kind: "event"; readonly at: Instant; readonly event: Event }
  | { readonly kind: "command"; readonly at: Instant; readonly command: Command };

export interface RealtimeDriverOptions<Event, Command> {
  /** Order of the events of one instant. */
  rank(event: Event): number;
  /** Overtaken while it was queued (a client that left a request which has ended meanwhile): not handled, not recorded. */
  isStale?(event: Event): boolean;
  /** May call `submit`. */
  carryOut(command: Command, at: Instant): void;
  readonly clock?: () => Instant;
  readonly timers?: HostTimers;
  /** The event loop stood still for more than 250 ms. */
  onStall?(from: Instant, to: Instant): void;
  record?(entry: Recorded<Event, Command>): void;
}

interface Waiting<Event> {
  readonly event: Event;
  readonly at: Instant;
  readonly rank: number;
  readonly sequence: number;
}

/**
 * A machine on the wall clock, in whole microseconds of a monotonic clock.
 *
 * The order of what the machine sees is (instant, rank, sequence), and deadlines of an instant come after its events, as in virtual time. So:
 * an event of a lower rank than the last one at the same microsecond is stamped one microsecond later; after `wake(t)` the next event is stamped
 * at least t + 1. A recording of (event, instant) alone, fed to a fresh machine, therefore gives the same commands: wakes need no recording.
 *
 * A timer is never early. One that is late by more than 5 ms lets a poll phase pass before it wakes the machine, and what comes in meanwhile is
 * handled in order of rank as of the overdue deadline: an answer that already lay in the socket is not timed out by our own lateness.
 *
 * Commands are carried out when the machine's call is over, so that one that throws leaves the machine whole.
 */
export class RealtimeDriver<Event, Command> {
  readonly #machine: Machine<Event, Command>;
  readonly #options: RealtimeDriverOptions<Event, Command>;
  readonly #clock: () => Instant;
  readonly #timers: HostTimers;
  readonly #out: Out<Command>;
  readonly #commands: Command[] = [];
  readonly #instants: Instant[] = [];
  #waiting: Waiting<Event>[] = [];
  #sequence = 0;
  #busy = false;
  #stopped = false;
  /** No event is stamped before it. */
  #floor = startOfTime;
  #lastRank = -1;
  #timer: TimerHandle | null = null;
  #timerDue = never;
  /** The loop has been seen running at this instant; never while nothing is pending. */
  #pulseAt = never;
  #immediate: TimerHandle | null = null;
  #wakeAfterPoll = false;
  #stallEnd = instantAt(-1);

  constructor(machine: Machine<Event, Command>, options: RealtimeDriverOptions<Event, Command>) {
    this.#machine = machine;
    this.#options = options;
    this.#clock = options.clock ?? monotonicNow;
    this.#timers = options.timers ?? hostTimers;
    this.#out = {
      emit: (command, at) => {
        this.#commands.push(command);
        this.#instants.push(at);
      },
    };
    this.#arm();
  }

  now(): Instant {
    return later(this.#clock(), this.#floor);
  }

  /** Whether the event loop stood still for more than 250 ms at some time since `start`. */
  stalledSince(start: Instant): boolean {
    this.#noticeStall(this.#clock());
    return this.#stallEnd >= start;
  }

  submit(event: Event): void {
    if (this.#stopped) return;
    const clock = this.#clock();
    this.#noticeStall(clock);
    const rank = this.#options.rank(event);
    if (this.#busy) {
      this.#queue(event, rank, later(clock, this.#floor));
      return;
    }
    const deadline = this.#machine.nextDeadline();
    if (between(deadline, clock) > lateAfter) {
      this.#queue(event, rank, later(deadline, this.#floor));
      this.#letPoll(false);
      return;
    }
    this.#handle(event, rank, clock);
    this.#settle();
  }

  /** Nothing is handled or woken any more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    if (this.#timer !== null) this.#timers.clearTimer(this.#timer);
    if (this.#immediate !== null) this.#timers.clearImmediate(this.#immediate);
    this.#timer = null;
    this.#immediate = null;
  }

  #queue(event: Event, rank: number, at: Instant): void {
    this.#waiting.push({ event, at, rank, sequence: this.#sequence++ });
  }

  #handle(event: Event, rank: number, asOf: Instant): void {
    if (this.#options.isStale?.(event) === true) return;
    let at = later(asOf, this.#floor);
    if (at === this.#floor && rank < this.#lastRank) at = after(at, micros(1));
    this.#floor = at;
    this.#lastRank = rank;
    this.#options.record?.({ kind: "event", at, event });
    this.#busy = true;
    try {
      this.#machine.handle(event, at, this.#out);
      this.#carryOutAll();
    } finally {
      this.#rest();
    }
  }

  #wake(): void {
    const now = this.now();
    if (this.#machine.nextDeadline() > now) return;
    this.#floor = after(now, micros(1));
    this.#lastRank = -1;
    this.#busy = true;
    try {
      this.#machine.wake(now, this.#out);
      this.#carryOutAll();
    } finally {
      this.#rest();
    }
  }

  #carryOutAll(): void {
    const options = this.#options;
    for (let index = 0; index < this.#commands.length; index += 1) {
      const command = this.#commands[index] as Command;
      const at = this.#instants[index] as Instant;
      options.record?.({ kind: "command", at, command });
      options.carryOut(command, at);
    }
  }

  #rest(): void {
    this.#busy = false;
    this.#commands.length = 0;
    this.#instants.length = 0;
  }

  /** Handles what was queued, in order, then sets the timer. */
  #settle(): void {
    while (this.#waiting.length > 0 && !this.#stopped) {
      const next = this.#takeFirst();
      this.#handle(next.event, next.rank, next.at);
    }
    this.#arm();
  }

  #takeFirst(): Waiting<Event> {
    let first = this.#waiting[0] as Waiting<Event>;
    let place = 0;
    for (let index = 1; index < this.#waiting.length; index++) {
      const other = this.#waiting[index] as Waiting<Event>;
      if (isBefore(other, first)) {
        first = other;
        place = index;
      }
    }
    if (place === 0) this.#waiting.shift();
    else this.#waiting.splice(place, 1);
    return first;
  }

  #arm(): void {
    if (this.#stopped) return;
    const deadline = this.#machine.nextDeadline();
    if (deadline === never) {
      this.#pulseAt = never;
      return;
    }
    // A timer that is due sooner than needed finds nothing to do and is set again: cheaper than setting it anew for every event.
    if (this.#timer !== null && this.#timerDue <= deadline && this.#pulseAt !== never) return;
    const clock = this.#clock();
    if (this.#pulseAt === never) this.#pulseAt = clock;
    const due = earlier(deadline, after(clock, this.#options.onStall === undefined ? timerMax : pulse));
    if (this.#timer !== null && this.#timerDue <= due) return;
    if (this.#timer !== null) this.#timers.clearTimer(this.#timer);
    this.#timer = null;
    this.#timerDue = never;
    if (due <= clock) {
      this.#letPoll(true);
      return;
    }
    this.#timerDue = due;
    this.#timer = this.#timers.setTimer(this.#onTimer, Math.ceil(between(clock, due) / 1000));
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    this.#timerDue = never;
    const clock = this.#clock();
    this.#noticeStall(clock);
    const lateness: Duration = between(this.#machine.nextDeadline(), clock);
    if (lateness > lateAfter) {
      this.#letPoll(true);
      return;
    }
    if (lateness >= 0) this.#wake();
    this.#settle();
  };

  #letPoll(wake: boolean): void {
    this.#wakeAfterPoll ||= wake;
    this.#immediate ??= this.#timers.setImmediate(this.#onPolled);
  }

  readonly #onPolled = (): void => {
    this.#immediate = null;
    const wake = this.#wakeAfterPoll;
    this.#wakeAfterPoll = false;
    this.#settle();
    if (!wake) return;
    this.#wake();
    this.#settle();
  };

  #noticeStall(clock: Instant): void {
    if (this.#pulseAt === never || this.#options.onStall === undefined) return;
    const from = this.#pulseAt;
    this.#pulseAt = clock;
    if (between(from, clock) <= stallAfter) return;
    this.#stallEnd = clock;
    this.#options.onStall(from, clock);
  }
}

function isBefore<Event>(one: Waiting<Event>, other: Waiting<Event>): boolean {
  if (one.at !== other.at) return one.at < other.at;
  if (one.rank !== other.rank) return one.rank < other.rank;
  return one.sequence < other.sequence;
}
