import { present } from "../../router/core/assert.ts";
import type { SequenceListener } from "../../simulator/core/engine/fast/command-writer.ts";
import { FastScheduler } from "../../simulator/core/engine/fast/fast-scheduler.ts";
import type { Sequence } from "../../simulator/core/engine/fast/sequence.ts";
import { processCall } from "../../simulator/core/engine/fast/process-call.ts";
import { runnersOf } from "../../simulator/core/engine/fast/running-list.ts";
import { scheduleCall } from "../../simulator/core/engine/fast/schedule-call.ts";
import { Workbench } from "../../simulator/core/engine/fast/workbench.ts";
import type { SequenceId } from "../../simulator/core/engine/engine.ts";
import { ChainIds, rulesOf, queueDepthOf } from "./play-schedule.ts";
import type { ScheduleDifference } from "./play-schedule.ts";
import type { RecordedCase, RecordedIteration, RecordedRequest } from "./recorded-case.ts";

/** The fast form has neither; they are left to the plain form. */
export const isForPlainOnly = (recorded: RecordedCase): boolean => recorded.header.cfg.spec > 0 || recorded.header.cfg.pp > 1;

interface Part {
  readonly sequence: Sequence;
  /** The object is used again when the sequence has ended. */
  readonly id: number;
  readonly tokens: number;
  readonly before: number;
  readonly samples: boolean;
  readonly resumed: boolean;
  readonly admission: boolean;
}

/** As playSchedule, through the fast scheduler; `all` as it runs with detail "tokens". Block ids (field c) do not exist there. */
export function playFastSchedule(recorded: RecordedCase, all: boolean): ScheduleDifference | null {
  const player = new FastPlayer(recorded, all);
  for (const expected of recorded.iterations) {
    const actual = player.iterate(expected.i);
    for (const field of ["ar", "ab", "s", "ad", "re", "pr", "f1", "o", "fi", "pc", "f", "r", "w"] as const) {
      if (JSON.stringify(expected[field]) === JSON.stringify(actual[field])) continue;
      return { iteration: expected.i, field, expected: expected[field], actual: actual[field] };
    }
  }
  return null;
}

/** What the last call scheduled, as the walk over the running list that the fast form saves itself. */
export function partsOf(scheduler: FastScheduler): Part[] {
  const state: FastScheduler = scheduler;
  const parts: Part[] = [];
  for (const sequence of runnersOf(state)) {
    const { id } = sequence;
    const computed = state.computedOf(sequence);
    const before = computed - sequence.chunk;
    const admission = before === sequence.cachedTokens;
    const resumed = admission && sequence.preemptions > 0;
    if (sequence.chunkCall === state.call && sequence.chunk > 0 && (sequence.phase === "prefill" || sequence.firstCall === state.call)) {
      parts.push({ sequence, id, tokens: sequence.chunk, before, samples: sequence.phase === "decode", resumed, admission });
    } else if (sequence.phase === "decode" && sequence.starvedTo !== state.call) {
      parts.push({ sequence, id, tokens: 1, before: computed - 1, samples: true, resumed: false, admission: false });
    }
  }
  return parts;
}

export class FastPlayer {
  readonly scheduler: FastScheduler;
  readonly #requests: RecordedRequest[];
  readonly #live = new Set<number>();
  readonly #depth: number;
  readonly #all: boolean;
  readonly #inFlight: Part[][] = [];
  readonly #chains = new ChainIds();
  #leftOver: RecordedRequest[] = [];
  #arrived = 0;
  #flushed: number[] = [0, 0, 0, 0, 0, 0];
  readonly #finished: (number | string)[] = [];
  readonly #told: number[] = [];

  constructor(recorded: Pick<RecordedCase, "header">, all: boolean) {
    const rules = rulesOf(recorded.header.cfg);
    const listener: SequenceListener = {
      started: () => {},
      output: (sequence) => void this.#told.push(sequence.id),
      ended: (sequence, reason) => {
        this.#finished.push(sequence.id, reason);
        this.#live.delete(sequence.id);
      },
    };
    this.scheduler = new FastScheduler(new Workbench(rules, listener, true));
    this.#all = all;
    this.#depth = queueDepthOf(rules);
    this.#requests = [...recorded.header.reqs].toSorted((one, other) => one.at - other.at || one.id - other.id);
  }

  iterate(i: number): RecordedIteration {
    const line: Record<string, unknown> = { i };
    const aborted: number[] = [];
    for (const request of this.#leftOver) this.#abort(request, aborted);
    this.#leftOver = [];
    const arrivals = this.#arrive(i);
    if (arrivals.length > 0) line["ar"] = arrivals;
    for (const request of this.#abortsAt(i, "p")) this.#abort(request, aborted);
    const goesOn = this.#schedule(line);
    const late = this.#abortsAt(i, "m");
    if (goesOn || this.#inFlight.length === 0) this.#leftOver = late;
    else {
      for (const request of late) this.#abort(request, aborted);
      this.#update(line);
    }
    if (aborted.length > 0) line["ab"] = aborted;
    line["f"] = this.scheduler.memory.free;
    line["r"] = runnersOf(this.scheduler).map(({ id }) => id);
    line["w"] = idsOfLine(this.scheduler.firstWaiting);
    return line as unknown as RecordedIteration;
  }

  #schedule(line: Record<string, unknown>): boolean {
    const { scheduler } = this;
    if (!scheduler.hasRequests) return false;
    scheduleCall(scheduler);
    const { shape, preempted } = scheduler.bench;
    const parts = partsOf(scheduler);
    if (parts.reduce((sum, part) => sum + part.tokens, 0) !== shape.tokens) throw new Error("the step's sums are not those of its parts");
    this.#inFlight.push(parts);
    line["s"] = parts.flatMap(({ sequence, tokens, before }) => [sequence.id, tokens, before]);
    const admitted = parts.filter((part) => part.admission);
    if (admitted.length > 0) line["ad"] = admitted.flatMap(({ sequence }) => [sequence.id, sequence.cachedTokens]);
    const resumed = admitted.filter((part) => part.resumed);
    if (resumed.length > 0) line["re"] = resumed.map(({ sequence }) => sequence.id);
    if (preempted.length > 0) line["pr"] = preempted.map(({ id }) => id);
    line["f1"] = scheduler.memory.free;
    return this.#depth > 1 && this.#inFlight.length < this.#depth && (parts.length > 0 || scheduler.hasRequests);
  }

  #update(line: Record<string, unknown>): void {
    const parts = this.#inFlight.shift();
    if (parts === undefined) return;
    line["o"] = parts.filter((part) => part.samples && this.#live.has(part.id)).map((part) => part.id);
    this.#told.length = 0;
    this.#finished.length = 0;
    processCall(this.scheduler, this.#all);
    if (this.#all) line["o"] = [...this.#told];
    if (this.#finished.length > 0) line["fi"] = [...this.#finished];
    const totals = Object.values(this.scheduler.prefix) as number[];
    const news = totals.map((total, index) => total - (this.#flushed[index] ?? 0));
    this.#flushed = totals;
    if (news.some((count) => count > 0)) line["pc"] = news;
  }

  #arrive(i: number): number[] {
    const ids: number[] = [];
    for (;;) {
      const next = this.#requests[this.#arrived];
      if (next === undefined || next.at > i) return ids;
      this.#arrived++;
      ids.push(next.id);
      this.#live.add(next.id);
      this.scheduler.submit({
        id: next.id as SequenceId,
        promptTokens: next.p,
        stopAfter: next.eos ?? Infinity,
        outputTokensMax: next.o,
        priority: next.pr ?? 0,
        arrival: next.t ?? next.id,
        keys: this.#chains.chainOf(next.b, Math.floor((next.p + next.o) / 16)),
      });
    }
  }

  #abortsAt(i: number, when: "p" | "m"): RecordedRequest[] {
    return this.#requests.filter((request) => request.ab?.[0] === i && request.ab[1] === when).toSorted((one, other) => one.id - other.id);
  }

  #abort(recorded: RecordedRequest, aborted: number[]): void {
    if (!this.#live.delete(recorded.id)) return;
    this.scheduler.abort(present(this.scheduler.sequenceOf(recorded.id as SequenceId), "the sequence to be aborted"));
    aborted.push(recorded.id);
  }
}

function idsOfLine(first: Sequence | null): number[] {
  const ids: number[] = [];
  for (let sequence = first; sequence !== null; sequence = sequence.behind) ids.push(sequence.id);
  return ids;
}
