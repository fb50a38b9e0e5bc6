import { present } from "../../../router/core/assert.ts";
import { removeKey, setKey, leastId, type Tournament, newTournament } from "../../../router/core/tournament.ts";
import type { Duration, Instant, Out } from "../../../router/core/machine.ts";
import type { Usage } from "../../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import { after, earlier, later, never, startOfTime } from "../../../router/core/time.ts";
import type { CallId, EndpointCommand, EndpointEvent, EndpointModel, EndpointSignals, FaultState } from "../endpoint.ts";
import { healthy } from "../endpoint.ts";

/**
 * The line between the router and an endpoint, as a machine around the endpoint's own. One connection per call, on which order is kept (TCP). A message takes
 * `delay`; a call, a first token or a last word that is lost (`loss`) is sent again after 200 ms, then 400, 800 and so on, up to six times, and what comes after
 * it waits for it. While the line is `silent` nothing comes back: what the endpoint says waits, and arrives when the line speaks again. While it is
 * `unreachable` no new call gets there.
 *
 * Who calls has patience: a call that has not got there within `connect` is refused as `connect-failed`, and one that had a first token and then hears nothing
 * for `idle` is cut, with `idle` set. (A wait for the first token is the router's to end.) An abort is carried out at once: the caller's side of the line is here.
 */
type CallReceived = Extract<EndpointEvent, { kind: "call-received" }>;

interface LinkedCall {
  readonly received: CallReceived;
  /** When it reaches the endpoint; null: it has. */
  arrivesAt: Instant | null;
  readonly givesUpAt: Instant;
  started: boolean;
  /** On their way back, in order. */
  readonly coming: { at: Instant; readonly command: EndpointCommand }[];
}

const lossPurpose = purposeOf("link-loss");
/** Which message of a call it is: what its loss is drawn by. */
const messageOf = { call: 0, first: 1, last: 2, between: 3 } as const;
const firstResend = 200_000;
const resendsMax = 6;

export class LinkedEndpoint implements EndpointModel {
  readonly #inner: EndpointModel;
  readonly #seed: number;
  readonly #index: number;
  /** By call id. */
  readonly #calls: (LinkedCall | null)[] = [];
  /** Of each call the next thing that happens to it on the line, by call id. */
  readonly #deadlines: Tournament = newTournament();
  #line: FaultState = healthy;
  #silentSince: Instant = never;
  /** Until then what was sent with a longer delay is on its way, and nothing overtakes it. */
  #clearAt: Instant = startOfTime;
  /** Where what the inner model says goes while it is at work. */
  #out: Out<EndpointCommand> | null = null;
  readonly #fromInner: Out<EndpointCommand>;

  constructor(inner: EndpointModel, options: { readonly seed: number; readonly index: number }) {
    this.#inner = inner;
    this.#seed = options.seed;
    this.#index = options.index;
    this.#fromInner = { emit: (command, at) => this.#hear(command, at) };
  }

  handle(event: EndpointEvent, now: Instant, out: Out<EndpointCommand>): void {
    this.#enter(out);
    this.#advance(now, false);
    switch (event.kind) {
      case "call-received":
        this.#receive(event, now);
        break;
      case "call-aborted":
        this.#abort(event.call, now);
        break;
      case "fault-changed":
        this.#change(event.fault, now);
        this.#inner.handle(event, now, this.#fromInner);
        break;
    }
    this.#out = null;
  }

  wake(now: Instant, out: Out<EndpointCommand>): void {
    this.#enter(out);
    this.#advance(now, true);
    this.#out = null;
  }

  nextDeadline(): Instant {
    return earlier(this.#inner.nextDeadline(), this.#deadlines.least as Instant);
  }

  observe(now: Instant): EndpointSignals {
    return this.#inner.observe(now);
  }

  #enter(out: Out<EndpointCommand>): void {
    if (this.#out !== null) throw new Error("LinkedEndpoint was re-entered: drivers queue what happens while commands are carried out");
    this.#out = out;
  }

  #advance(limit: Instant, inclusive: boolean): void {
    for (;;) {
      const at = this.nextDeadline();
      if (inclusive ? at > limit : at >= limit) return;
      if (this.#deadlines.least === at) this.#proceed(leastId(this.#deadlines) as CallId, at);
      else this.#inner.wake(at, this.#fromInner);
    }
  }

  #receive(received: CallReceived, now: Instant): void {
    const { call: id, patience } = received;
    const call: LinkedCall = {
      received,
      arrivesAt: never,
      givesUpAt: patience === undefined ? never : after(now, patience.connect),
      started: false,
      coming: [],
    };
    while (this.#calls.length <= id) this.#calls.push(null);
    this.#calls[id] = call;
    if (!this.#line.unreachable) call.arrivesAt = this.#arrivalOf(call, messageOf.call, now);
    if (call.arrivesAt === now) this.#deliver(call, now);
    this.#schedule(id);
  }

  #deliver(call: LinkedCall, at: Instant): void {
    call.arrivesAt = null;
    this.#inner.handle(call.received, at, this.#fromInner);
  }

  #abort(id: CallId, now: Instant): void {
    const call = this.#calls[id] ?? null;
    if (call !== null) this.#say({ kind: "cut-call", call: id, usage: this.#usageAtAbort(id, call, now) }, now);
  }

  /** What had been worked off, whether or not it was heard; its last word may be on its way already. */
  #usageAtAbort(id: CallId, call: LinkedCall, now: Instant): Usage {
    const last = call.coming.at(-1)?.command;
    if (last?.kind === "end-call" || last?.kind === "cut-call") return last.usage;
    let usage: Usage = { input: 0, cachedRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };
    if (call.arrivesAt === null && last?.kind !== "refuse-call")
      this.#inner.handle({ kind: "call-aborted", call: id }, now, { emit: (command) => (usage = command.kind === "cut-call" ? command.usage : usage) });
    return usage;
  }

  #hear(command: EndpointCommand, at: Instant): void {
    const call = present(this.#calls[command.call], "the call that is answered");
    const message = command.kind !== "emit-tokens" ? messageOf.last : command.from === 0 ? messageOf.first : messageOf.between;
    const arrives = later(call.coming.at(-1)?.at ?? at, this.#line.silent ? never : this.#arrivalOf(call, message, at));
    if (arrives === at && call.coming.length === 0) this.#say(command, at);
    else {
      call.coming.push({ at: arrives, command });
      this.#schedule(command.call);
    }
  }

  #say(command: EndpointCommand, at: Instant): void {
    const call = present(this.#calls[command.call], "the call that is answered");
    if (command.kind === "emit-tokens") call.started = true;
    else {
      this.#calls[command.call] = null;
      removeKey(this.#deadlines, command.call);
    }
    present(this.#out, "whom to tell").emit(command, at);
  }

  #proceed(id: CallId, at: Instant): void {
    const call = present(this.#calls[id], "a call with a deadline");
    const next = call.coming[0];
    if (call.arrivesAt !== null && call.arrivesAt <= at) this.#deliver(call, at);
    else if (next !== undefined && next.at <= at) {
      call.coming.shift();
      this.#say(next.command, at);
    } else if (call.arrivesAt !== null) this.#say({ kind: "refuse-call", call: id, failure: "connect-failed", retryAfter: null }, at);
    else this.#say({ kind: "cut-call", call: id, usage: this.#usageAtAbort(id, call, at), idle: true }, at);
    this.#schedule(id);
  }

  #schedule(id: CallId): void {
    const call = this.#calls[id] ?? null;
    if (call === null) return;
    const onTheLine = earlier(call.arrivesAt ?? never, call.coming[0]?.at ?? never);
    const idle = call.received.patience?.idle;
    const patience = call.arrivesAt !== null ? call.givesUpAt : call.started && idle !== undefined ? after(this.#silentSince, idle) : never;
    setKey(this.#deadlines, id, earlier(onTheLine, patience));
  }

  #change(line: FaultState, now: Instant): void {
    const before = this.#line;
    this.#line = line;
    if (line.delay < before.delay) this.#clearAt = later(this.#clearAt, after(now, before.delay));
    if (line.silent !== before.silent) this.#silentSince = line.silent ? now : never;
    if (line.silent === before.silent && line.unreachable === before.unreachable) return;
    for (const [id, call] of this.#calls.entries()) {
      if (call === null) continue;
      if (call.arrivesAt !== null && line.unreachable !== before.unreachable)
        call.arrivesAt = line.unreachable ? never : this.#arrivalOf(call, messageOf.call, now);
      if (line.silent !== before.silent) for (const message of call.coming) message.at = line.silent ? never : after(now, line.delay);
      this.#schedule(id as CallId);
    }
  }

  #arrivalOf({ received }: LinkedCall, message: number, sentAt: Instant): Instant {
    const { delay, loss } = this.#line;
    let waited = 0;
    if (loss > 0 && message !== messageOf.between) {
      let resends = 0;
      while (resends < resendsMax && keyedUnit(this.#seed, lossPurpose, received.serial, (this.#index * 4 + message) * 8 + resends) < loss) {
        waited = 2 * waited + firstResend;
        resends += 1;
      }
    }
    return later(this.#clearAt, after(sentAt, (delay + waited) as Duration));
  }
}
