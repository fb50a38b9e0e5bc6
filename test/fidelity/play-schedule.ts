import type { SequenceId } from "../../simulator/core/engine/engine.ts";
import { crc32 } from "node:zlib";
import { engineDefaults } from "../../simulator/core/engine/engine-spec.ts";
import { createPlainRequest } from "../../simulator/core/engine/plain/plain-request.ts";
import type { PlainRequest } from "../../simulator/core/engine/plain/plain-request.ts";
import { PlainScheduler } from "../../simulator/core/engine/plain/plain-scheduler.ts";
import type { Batch, BatchEntry, SchedulerRules } from "../../simulator/core/engine/plain/plain-scheduler.ts";
import type { RecordedCase, RecordedConfig, RecordedIteration, RecordedRequest } from "./recorded-case.ts";

export interface ScheduleDifference {
  readonly iteration: number;
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export function rulesOf(config: RecordedConfig): SchedulerRules {
  const method = config.spec_method === "draft_model" ? "draft-model" : config.spec_method;
  return {
    ...engineDefaults,
    blockTokens: 16,
    blocks: config.num_gpu_blocks,
    sequencesMax: config.max_num_seqs,
    batchedTokensMax: config.max_num_batched_tokens,
    modelTokensMax: config.max_model_len,
    prefixCaching: config.prefix_caching,
    chunkedPrefill: config.chunked_prefill,
    longPrefillTokensMax: config.long_prefill_token_threshold,
    longPrefillAdaptive: config.long_prefill_adaptive,
    policy: config.policy,
    reserveFullSequence: config.reserve_full_isl,
    watermark: config.watermark,
    asyncScheduling: config.async_scheduling,
    activeSequencesMax: config.max_num_active_seqs,
    pipelineStages: config.pp,
    speculation: config.spec > 0 && method !== null ? { draftTokens: config.spec, method } : null,
  };
}

export const queueDepthOf = (rules: SchedulerRules): number =>
  rules.pipelineStages > 1 ? rules.pipelineStages + (rules.asyncScheduling ? 1 : 0) : rules.asyncScheduling ? 2 : 1;

/** Ids of chained blocks: equal contents behind equal contents. */
export class ChainIds {
  readonly #ids = new Map<string, number>();
  chainOf(runs: readonly number[], blocks: number): number[] {
    const chain: number[] = [];
    let parent = 0;
    for (let place = 0; place < runs.length; place += 2) {
      for (let offset = 0; offset < (runs[place + 1] ?? 0) && chain.length < blocks; offset++) {
        const key = `${parent}:${(runs[place] ?? 0) + offset}`;
        parent = this.#ids.get(key) ?? this.#ids.size + 1;
        this.#ids.set(key, parent);
        chain.push(parent);
      }
    }
    return chain;
  }
}

/** Plays one recorded case through the plain scheduler in the recorder's loop. Null: no difference in any field. */
export function playSchedule(recorded: RecordedCase, observe: (iteration: RecordedIteration) => void = () => {}): ScheduleDifference | null {
  const player = new PlainPlayer(recorded);
  for (const expected of recorded.iterations) {
    const actual = player.iterate(expected.i);
    observe(actual);
    const difference = compare(expected, actual, () => crc32(player.scheduler.cache.pool.freeQueue().join(",")));
    if (difference !== null) return difference;
  }
  return null;
}

const fields = ["ar", "ab", "s", "ad", "re", "pr", "d", "f1", "o", "ot", "fi", "pc", "f", "r", "w"] as const;

function compare(expected: RecordedIteration, actual: RecordedIteration, queue: () => number): ScheduleDifference | null {
  for (const field of fields) {
    if (JSON.stringify(expected[field]) === JSON.stringify(actual[field])) continue;
    return { iteration: expected.i, field, expected: expected[field], actual: actual[field] };
  }
  if (expected.c === undefined) return null;
  const sum = queue();
  return sum === expected.c ? null : { iteration: expected.i, field: "c", expected: expected.c, actual: sum };
}

export class PlainPlayer {
  readonly scheduler: PlainScheduler;
  readonly #requests: RecordedRequest[];
  readonly #byId = new Map<number, RecordedRequest>();
  readonly #live = new Map<number, PlainRequest>();
  readonly #depth: number;
  readonly #inFlight: Batch[] = [];
  readonly #chains = new ChainIds();
  #leftOver: RecordedRequest[] = [];
  #arrived = 0;
  #flushed: number[] = [0, 0, 0, 0, 0, 0];

  constructor(recorded: Pick<RecordedCase, "header">) {
    const rules = rulesOf(recorded.header.cfg);
    this.scheduler = new PlainScheduler(rules);
    this.#depth = queueDepthOf(rules);
    this.#requests = [...recorded.header.reqs].toSorted((one, other) => one.at - other.at || one.id - other.id);
    for (const request of this.#requests) this.#byId.set(request.id, request);
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
    line["f"] = this.scheduler.cache.pool.free;
    line["r"] = this.scheduler.running.map((request) => request.id);
    line["w"] = this.scheduler.waiting.requests.map((request) => request.id);
    return line as unknown as RecordedIteration;
  }

  /** True: the queue has room, so the iteration ends without output. */
  #schedule(line: Record<string, unknown>): boolean {
    if (!this.scheduler.hasRequests) return false;
    const batch = this.scheduler.schedule();
    this.#inFlight.push(batch);
    Object.assign(line, describeBatch(batch), { f1: this.scheduler.cache.pool.free });
    return this.#depth > 1 && this.#inFlight.length < this.#depth && (batch.entries.length > 0 || this.scheduler.hasRequests);
  }

  #update(line: Record<string, unknown>): void {
    const batch = this.#inFlight.shift();
    if (batch === undefined) return;
    const outputs: number[] = [];
    const several: number[] = [];
    const finished: (number | string)[] = [];
    this.scheduler.update(batch, (entry) => this.#accepted(entry), {
      output: (request, tokens) => {
        outputs.push(request.id);
        if (tokens !== 1) several.push(request.id, tokens);
      },
      finished: (request, reason) => {
        finished.push(request.id, reason);
        this.#live.delete(request.id);
      },
    });
    line["o"] = outputs;
    if (several.length > 0) line["ot"] = several;
    if (finished.length > 0) line["fi"] = finished;
    this.#flushPrefix(line);
  }

  #flushPrefix(line: Record<string, unknown>): void {
    const totals = Object.values(this.scheduler.prefix) as number[];
    const news = totals.map((total, index) => total - (this.#flushed[index] ?? 0));
    this.#flushed = totals;
    if (news.some((count) => count > 0)) line["pc"] = news;
  }

  #accepted(entry: BatchEntry): number {
    if (entry.padded || entry.drafts === 0) return 0;
    const list = this.#byId.get(entry.request.id)?.acc ?? [];
    return Math.min(entry.drafts, list[entry.request.outputs % list.length] ?? 0);
  }

  #arrive(i: number): number[] {
    const ids: number[] = [];
    for (;;) {
      const next = this.#requests[this.#arrived];
      if (next === undefined || next.at > i) return ids;
      this.#arrived++;
      ids.push(next.id);
      const request = createPlainRequest({
        id: next.id as SequenceId,
        promptTokens: next.p,
        stopAfter: next.eos ?? Infinity,
        outputTokensMax: next.o,
        priority: next.pr ?? 0,
        arrival: next.t ?? next.id,
        keys: this.#chains.chainOf(next.b, Math.floor((next.p + next.o) / 16)),
      });
      this.#live.set(next.id, request);
      this.scheduler.add(request);
    }
  }

  #abortsAt(i: number, when: "p" | "m"): RecordedRequest[] {
    return this.#requests.filter((request) => request.ab?.[0] === i && request.ab[1] === when).toSorted((one, other) => one.id - other.id);
  }

  #abort(recorded: RecordedRequest, aborted: number[]): void {
    const request = this.#live.get(recorded.id);
    if (request === undefined) return;
    this.scheduler.abort(request);
    this.#live.delete(recorded.id);
    aborted.push(recorded.id);
  }
}

function describeBatch(batch: Batch): Partial<RecordedIteration> {
  const admitted = batch.entries.filter((entry) => entry.admitted !== "no");
  const resumed = admitted.filter((entry) => entry.admitted === "resumed");
  const drafted = batch.entries.filter((entry) => entry.drafts > 0);
  return {
    s: batch.entries.flatMap((entry) => [entry.request.id, entry.tokens, entry.computedBefore]),
    ...(admitted.length > 0 && { ad: admitted.flatMap((entry) => [entry.request.id, entry.computedBefore]) }),
    ...(resumed.length > 0 && { re: resumed.map((entry) => entry.request.id) }),
    ...(batch.preempted.length > 0 && { pr: batch.preempted.map((request) => request.id) }),
    ...(drafted.length > 0 && { d: drafted.flatMap((entry) => [entry.request.id, entry.drafts]) }),
  };
}
