import type { SequenceId, StepShape, StepTimeModel } from "../../../simulator/core/engine/engine.ts";
import type { PlainRequest } from "../../../simulator/core/engine/plain/plain-request.ts";
import { PlainScheduler } from "../../../simulator/core/engine/plain/plain-scheduler.ts";
import type { Batch, SchedulerRules } from "../../../simulator/core/engine/plain/plain-scheduler.ts";
import { emptyShape } from "../../../simulator/core/step-time/step-range.ts";

/** What a busy loop tells, with the instant of its own clock. */
export interface BusyLoopListener {
  started(request: PlainRequest, cachedTokens: number): void;
  tokens(request: PlainRequest, count: number): void;
  ended(request: PlainRequest, reason: "stop" | "length" | "abort"): void;
  /** Blocks stand ready for KV that is to come. */
  wanted(request: PlainRequest, tokens: number): void;
}

/** The computer that an engine process has to itself: steps, and how many times as long one takes that starts then. */
export interface Machine {
  readonly stepTime: StepTimeModel;
  readonly slowdownAt: (at: number) => number;
}

type Step = readonly (Batch | null)[];

/**
 * A vLLM engine process written down as it reads there (v1/engine/core.py: run_busy_loop, step_with_batch_queue; DPEngineCoreProc for several ranks): one thread that takes
 * its input, puts steps together until enough of them are queued, waits for the oldest, and takes in what it made. Each `yield` is a wait until that instant; for ever, when there
 * is nothing to do. Ranks of one process group stand side by side in one loop, since their steps begin and end together. A second form, to judge the engine's by: only the schedulers
 * are the same, which recordings of vLLM judge.
 */
export class BusyLoop {
  wakesAt = Infinity;
  now = 0;
  speed = 1;
  busyUs = 0;
  steps = 0;
  preemptions = 0;
  readonly ranks: readonly PlainScheduler[];
  readonly requests = new Map<SequenceId, PlainRequest>();
  /** Input that the thread has not taken yet. */
  arrived: PlainRequest[] = [];
  readonly #aborts: SequenceId[] = [];
  readonly #machine: Machine;
  readonly #queueLength: number;
  readonly #listener: BusyLoopListener;
  readonly #thread: Generator<number, never, void>;

  constructor(ranks: number, rules: SchedulerRules, machine: Machine, listener: BusyLoopListener) {
    this.ranks = Array.from({ length: ranks }, () => new PlainScheduler(rules));
    this.#machine = machine;
    this.#queueLength = rules.asyncScheduling ? 2 : 1;
    this.#listener = listener;
    this.#thread = this.#run();
  }

  submit(request: PlainRequest, at: number): void {
    this.requests.set(request.id as SequenceId, request);
    this.arrived.push(request);
    this.nudge(at);
  }

  abort(id: SequenceId, at: number): void {
    this.#aborts.push(id);
    this.nudge(at);
  }

  /** Wakes a thread that sleeps; a busy one looks when it comes round. */
  nudge(at: number): void {
    if (this.wakesAt === Infinity) this.wakesAt = at;
  }

  comeRound(): void {
    this.now = this.wakesAt;
    this.wakesAt = this.#thread.next().value;
  }

  /** Of the step under way only what has passed. */
  busyAt(now: number): number {
    return this.busyUs - (this.wakesAt === Infinity ? 0 : Math.max(0, this.wakesAt - now));
  }

  *#run(): Generator<number, never, void> {
    const queue: Step[] = [];
    let sinceIdle = 0;
    for (;;) {
      while (queue.length < this.#queueLength) {
        this.#takeInput();
        const working = this.ranks.some((rank) => rank.hasRequests);
        // Ranks ask each other in every 32nd step whether anybody has work, and all go on until then.
        if (!working && (this.ranks.length === 1 || sinceIdle % 32 === 0)) break;
        const step = this.ranks.map((rank) => (rank.hasRequests ? this.#schedule(rank) : null));
        if (this.#waitsForOthers(step) && queue.every(isEmpty)) break;
        queue.push(step);
        sinceIdle++;
        if (isEmpty(step) && !this.ranks.some((rank) => rank.hasRequests)) break;
      }
      const oldest = queue[0];
      if (oldest === undefined) {
        sinceIdle = 0;
        yield Infinity;
        continue;
      }
      const us = this.#lengthOf(oldest);
      this.busyUs += us;
      yield this.now + us;
      queue.shift();
      // Who was aborted meanwhile does not get what the step made; who came meanwhile is not known here yet.
      this.#takeAborts((request) => !this.arrived.includes(request));
      for (const [rank, batch] of oldest.entries()) if (batch !== null) this.#takeOutput(this.ranks[rank], batch);
    }
  }

  #takeInput(): void {
    for (const request of this.arrived) this.ranks[request.rank]?.add(request);
    this.arrived = [];
    this.#takeAborts(() => true);
  }

  #takeAborts(isKnown: (request: PlainRequest) => boolean): void {
    for (const id of this.#aborts.splice(0)) {
      const request = this.requests.get(id);
      if (request === undefined) continue;
      if (!isKnown(request)) {
        this.#aborts.push(id);
        continue;
      }
      this.ranks[request.rank]?.abort(request);
      this.requests.delete(id);
      this.#listener.ended(request, "abort");
    }
  }

  #schedule(rank: PlainScheduler): Batch {
    const batch = rank.schedule();
    if (batch.entries.length > 0) this.steps++;
    this.preemptions += batch.preempted.length;
    for (const { request, admitted, computedBefore } of batch.entries) if (admitted === "new") this.#listener.started(request, computedBefore);
    for (const request of batch.loads) this.#listener.wanted(request, request.remoteTokens - request.computed);
    return batch;
  }

  /** Nothing runs and nobody can be let in before another process has sent something. */
  #waitsForOthers(step: Step): boolean {
    return isEmpty(step) && this.ranks.some((rank) => rank.isStuck);
  }

  #takeOutput(rank: PlainScheduler | undefined, batch: Batch): void {
    rank?.update(batch, () => 0, {
      output: (request, count) => this.#listener.tokens(request, count),
      finished: (request, reason) => {
        this.requests.delete(request.id as SequenceId);
        this.#listener.ended(request, reason);
      },
    });
  }

  /** The longest rank's time; one without work has a token to compute where it must go along. */
  #lengthOf(step: Step): number {
    const times = step.map((batch) => {
      if (batch !== null && batch.entries.length > 0) return this.#machine.stepTime.stepTime(shapeOf(batch));
      return this.ranks.length === 1
        ? 0
        : this.#machine.stepTime.stepTime({ ...emptyShape(), sequences: 1, decodes: 1, tokens: 1, decodeContext: 1, decodeContextMax: 1 });
    });
    const longest = Math.max(...times);
    const speed = this.speed * this.#machine.slowdownAt(this.now);
    return speed === 1 || longest === 0 ? longest : Math.max(1, Math.floor(longest * speed + 0.5));
  }
}

const isEmpty = (step: Step): boolean => step.every((batch) => batch === null || batch.entries.length === 0);

function shapeOf({ entries }: Batch): StepShape {
  const decodes = entries.filter(({ tokens }) => tokens === 1);
  const chunks = entries.filter(({ tokens }) => tokens > 1);
  const contexts = decodes.map(({ computedBefore }) => computedBefore + 1);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    ...emptyShape(),
    sequences: entries.length,
    tokens: sum(entries.map(({ tokens }) => tokens)),
    decodes: decodes.length,
    decodeContext: sum(contexts),
    decodeContextMax: Math.max(0, ...contexts),
    chunkAttention: sum(chunks.map(({ tokens, computedBefore }) => tokens * (computedBefore + tokens / 2))),
    prefillPast: sum(chunks.map(({ computedBefore }) => computedBefore)),
  };
}
