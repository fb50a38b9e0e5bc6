import type { EngineOptions } from "../engine-spec.ts";
import { KvCache } from "./kv-cache.ts";
import type { KvCacheRules } from "./kv-cache.ts";
import { lengthOf } from "./plain-request.ts";
import type { PlainRequest } from "./plain-request.ts";
import { createWaitingQueue } from "./waiting-queue.ts";
import type { WaitingQueue } from "./waiting-queue.ts";

export interface SchedulerRules
  extends
    Omit<EngineOptions, "speculation" | "scheduling" | "dataParallel" | "disaggregation" | "wander">,
    Omit<KvCacheRules, "dropsHitBlock" | "reservesModelLength"> {
  readonly sequencesMax: number;
  readonly batchedTokensMax: number;
  readonly speculation: { readonly draftTokens: number; readonly method: "ngram" | "eagle" | "draft-model" } | null;
}

/** One sequence's part of a step. */
export interface BatchEntry {
  readonly request: PlainRequest;
  readonly tokens: number;
  readonly computedBefore: number;
  readonly drafts: number;
  /** Drafts of an admission are padding, and never accepted. */
  readonly padded: boolean;
  readonly admitted: "no" | "new" | "resumed";
  /** The request's preemptions at the time: an older number marks the output stale. */
  readonly preemptions: number;
  /** Its output has a token: the sequence is computed up to its end. */
  samples: boolean;
}

export interface Batch {
  readonly entries: readonly BatchEntry[];
  readonly preempted: readonly PlainRequest[];
  /** They got blocks in this step for KV that comes from another engine. */
  readonly loads: readonly PlainRequest[];
}

/** Totals since the start. `resumed*`: of preempted sequences that were admitted again; they are not in the others. */
export interface PrefixStatistics {
  requests: number;
  queries: number;
  hits: number;
  resumedRequests: number;
  resumedQueries: number;
  resumedHits: number;
}

export interface SchedulerListener {
  output(request: PlainRequest, tokens: number): void;
  finished(request: PlainRequest, reason: "stop" | "length"): void;
}

/** How many of the drafts in the entry the model accepts. */
export type Acceptance = (entry: BatchEntry) => number;

/**
 * vLLM's V1 scheduler, rule by rule, in the plain form: every step walks over every running sequence. It is the judge of the fast form, and serves where
 * that does not reach (speculation, pipeline stages). Source: vLLM 0.32.0, checked against schedules recorded from its own scheduler class.
 */
export class PlainScheduler {
  readonly waiting: WaitingQueue;
  readonly prefix: PrefixStatistics = { requests: 0, queries: 0, hits: 0, resumedRequests: 0, resumedQueries: 0, resumedHits: 0 };
  readonly cache: KvCache;
  readonly #rules: SchedulerRules;
  readonly #lookahead: number;
  readonly #draftTokens: number;
  #running: PlainRequest[] = [];
  /** Waiting with blocks of their own, whose contents have come. */
  readonly #loaded = new Set<PlainRequest>();
  #call = 0;
  #endedSinceSchedule = false;
  /** Nobody was let in by the last call because somebody was preempted: the next one may. */
  #heldBack = false;

  constructor(rules: SchedulerRules) {
    this.#rules = rules;
    this.waiting = createWaitingQueue(rules.policy);
    this.cache = new KvCache({ ...rules, dropsHitBlock: rules.speculation?.method === "eagle", reservesModelLength: rules.batching === "static" });
    this.#draftTokens = rules.speculation?.draftTokens ?? 0;
    this.#lookahead = rules.speculation === null || rules.speculation.method === "ngram" ? 0 : rules.speculation.draftTokens;
  }

  get running(): readonly PlainRequest[] {
    return this.#running;
  }

  /** Empty batches count too: after the last end there is one more schedule(). */
  get hasRequests(): boolean {
    return this.#running.length > 0 || this.waiting.length > 0 || this.#endedSinceSchedule;
  }

  /** Nothing runs, and no call of its own can change that. */
  get isStuck(): boolean {
    return this.#running.length === 0 && this.waiting.length > 0 && !this.#endedSinceSchedule && !this.#heldBack;
  }

  add(request: PlainRequest): void {
    this.waiting.add(request);
  }

  abort(request: PlainRequest): void {
    if (request.status === "finished") return;
    this.#remove(request);
    this.#end(request);
  }

  /** The KV that a request was waiting for is there. Of a whole prompt the last token is computed again: its logits are needed. */
  load(request: PlainRequest): void {
    request.computed = Math.min(request.remoteTokens, lengthOf(request) - 1);
    this.cache.publish(request, request.remoteTokens);
    request.remoteTokens = 0;
    request.status = "waiting";
    this.#loaded.add(request);
  }

  /** Another engine has what an ended request left behind. */
  letGo(request: PlainRequest): void {
    this.cache.release(request);
  }

  schedule(): Batch {
    this.#call++;
    this.#endedSinceSchedule = false;
    const step = new Step(this.#rules, this.#running.length + this.waiting.length);
    this.#scheduleRunning(step);
    this.#heldBack = step.preempted.length > 0;
    if (!this.#heldBack) this.#scheduleWaiting(step);
    for (const entry of step.entries) this.#advance(entry);
    return step;
  }

  #scheduleRunning(step: Step): void {
    for (step.index = 0; step.index < this.#running.length && step.budget > 0; step.index++) {
      const request = this.#running[step.index];
      if (request === undefined) break;
      const tokens = this.#tokensOf(request, step);
      if (tokens <= 0) continue;
      while (!this.cache.grow(request, tokens, this.#lookahead)) {
        if (this.#preemptFor(step) === request) return;
      }
      const drafts = Math.max(0, request.computed + tokens - lengthOf(request) - request.placeholders);
      if (tokens > 1 + drafts) step.prefills = true;
      step.add(request, tokens, request.drafts > 0 ? drafts : 0, "no");
      request.drafts = 0;
    }
  }

  #tokensOf(request: PlainRequest, step: Step): number {
    const certainEnd = request.promptTokens + request.outputTokensMax;
    if (request.placeholders > 0 && request.computed + 2 - request.placeholders >= certainEnd) return 0;
    if (request.eligibleCall > this.#call) return 0;
    const missing = lengthOf(request) + request.drafts + request.placeholders - request.computed;
    return Math.min(step.capped(missing), step.room, this.#rules.modelTokensMax - request.computed - 1);
  }

  /** Preempts one sequence so that another can grow: the tail, or the least urgent one. */
  #preemptFor(step: Step): PlainRequest {
    const place = this.#rules.policy === "priority" ? leastUrgent(this.#running) : this.#running.length - 1;
    const victim = this.#running[place];
    if (victim === undefined) throw new Error("the KV pool is smaller than one sequence");
    this.#running.splice(place, 1);
    if (place < step.index) {
      step.withdraw(victim);
      step.index--;
    }
    this.cache.release(victim);
    victim.status = "preempted";
    victim.computed = 0;
    victim.stale += victim.inFlight;
    victim.inFlight = 0;
    victim.placeholders = 0;
    victim.drafts = 0;
    victim.preemptions++;
    this.waiting.prepend(victim);
    step.preempted.push(victim);
    return victim;
  }

  #scheduleWaiting(step: Step): void {
    if (this.#rules.batching === "static" && this.#running.length > 0) return;
    const skipped: PlainRequest[] = [];
    const runningMax = this.#rules.activeSequencesMax ?? this.#rules.sequencesMax;
    // Those that hold blocks already come first: others may be waiting for just these.
    for (const request of this.#loaded) if (this.#running.length < runningMax) this.#admitLoaded(request, step);
    while (step.budget > 0 && this.#running.length < runningMax) {
      const request = this.waiting.requests[0];
      if (request === undefined) break;
      if (request.stale > 0 || request.status === "loading") {
        this.waiting.remove(request);
        skipped.push(request);
        continue;
      }
      if (request.remoteTokens > 0) {
        if (!this.#beginLoad(request, step)) break;
        continue;
      }
      if (!this.#admit(request, step)) break;
    }
    for (const request of skipped.toReversed()) this.waiting.prepend(request);
  }

  /** Blocks for all of it at once, and it waits on for their contents. */
  #beginLoad(request: PlainRequest, step: Step): boolean {
    const hits = this.cache.hitsOf(request);
    const missing = request.remoteTokens - hits.length * this.#rules.blockTokens;
    if (!this.cache.admit(request, hits, missing, this.#lookahead, this.#running.length === 0)) return false;
    this.#countPrefix(request);
    request.status = "loading";
    step.loads.push(request);
    return true;
  }

  #admitLoaded(request: PlainRequest, step: Step): void {
    const tokens = Math.min(lengthOf(request) - request.computed, step.room);
    if (tokens <= 0 || !this.cache.grow(request, tokens, this.#lookahead)) return;
    this.#loaded.delete(request);
    this.waiting.remove(request);
    this.#running.push(request);
    step.add(request, tokens, 0, "new");
    request.status = "running";
  }

  #admit(request: PlainRequest, step: Step): boolean {
    const hits = this.cache.hitsOf(request);
    const length = lengthOf(request);
    const missing = step.capped(length - hits.length * this.#rules.blockTokens);
    if (!this.#rules.chunkedPrefill && missing > step.room) return false;
    const padding = this.#padding(hits.length * this.#rules.blockTokens, missing, step);
    const tokens = Math.min(missing + padding, step.room);
    if (tokens <= 0) return false;
    const drafts = Math.min(padding, tokens - 1);
    if (!this.cache.admit(request, hits, tokens, this.#lookahead, this.#running.length === 0)) return false;
    this.#countPrefix(request);
    this.waiting.remove(request);
    this.#running.push(request);
    step.add(request, tokens, drafts, request.status === "preempted" ? "resumed" : "new");
    request.status = "running";
    return true;
  }

  /** Drafts beside the single token of an admission among decodes, so that all sequences of the step have the same shape. They are never accepted. */
  #padding(computed: number, tokens: number, step: Step): number {
    if (this.#draftTokens === 0 || tokens !== 1 || step.prefills) return 0;
    if (step.entries.length === 0 && computed === 0) return 0;
    return computed + 2 + this.#draftTokens <= this.#rules.modelTokensMax ? this.#draftTokens : 0;
  }

  #countPrefix(request: PlainRequest): void {
    if (!this.#rules.prefixCaching) return;
    if (request.status === "preempted") {
      this.prefix.resumedRequests++;
      this.prefix.resumedQueries += lengthOf(request);
      this.prefix.resumedHits += request.computed;
    } else {
      this.prefix.requests++;
      this.prefix.queries += lengthOf(request);
      this.prefix.hits += request.computed;
    }
  }

  #advance(entry: BatchEntry): void {
    const { request } = entry;
    request.computed += entry.tokens;
    request.inFlight++;
    entry.samples = request.computed >= lengthOf(request) + request.placeholders + entry.drafts;
    if (!this.#rules.asyncScheduling || !entry.samples) return;
    request.placeholders += 1 + entry.drafts;
    request.drafts = this.#draftTokens;
    if (this.#rules.pipelineStages > 1) request.eligibleCall = this.#call + this.#rules.pipelineStages;
  }

  /** Takes in what the model made of a batch, in scheduling order. */
  update(batch: Batch, acceptance: Acceptance, listener: SchedulerListener): void {
    for (const entry of batch.entries) {
      const { request } = entry;
      if (request.status === "finished") continue;
      if (entry.preemptions === request.preemptions) request.inFlight--;
      else request.stale--;
      if (entry.samples) this.#takeOutput(entry, acceptance(entry), listener);
    }
  }

  #takeOutput(entry: BatchEntry, accepted: number, listener: SchedulerListener): void {
    const { request } = entry;
    const stale = entry.preemptions !== request.preemptions;
    const rejected = entry.drafts - accepted;
    if (!stale) {
      request.computed -= rejected;
      if (request.placeholders > 0) request.placeholders -= rejected;
    }
    let produced = 0;
    let end: "stop" | "length" | null = null;
    while (produced < accepted + 1 && end === null) {
      request.outputs++;
      produced++;
      end = this.#endOf(request);
    }
    if (!stale && this.#rules.asyncScheduling) {
      request.placeholders -= produced;
      this.cache.publish(request, request.computed - request.placeholders);
    } else if (!stale) request.drafts = this.#draftTokens;
    listener.output(request, produced);
    if (end === null) return;
    this.#remove(request);
    this.#end(request, request.keepsKv);
    listener.finished(request, end);
  }

  #endOf(request: PlainRequest): "stop" | "length" | null {
    if (request.outputs >= request.stopAfter) return "stop";
    return lengthOf(request) >= this.#rules.modelTokensMax || request.outputs >= request.outputTokensMax ? "length" : null;
  }

  #remove(request: PlainRequest): void {
    this.#loaded.delete(request);
    if (request.status === "running") this.#running.splice(this.#running.indexOf(request), 1);
    else this.waiting.remove(request);
  }

  #end(request: PlainRequest, keepsKv = false): void {
    if (!keepsKv) this.cache.release(request);
    request.status = "finished";
    this.#endedSinceSchedule = true;
  }
}

/** The batch being put together. */
class Step implements Batch {
  readonly entries: BatchEntry[] = [];
  readonly preempted: PlainRequest[] = [];
  readonly loads: PlainRequest[] = [];
  budget: number;
  /** Place in the running list. */
  index = 0;
  /** A running sequence has a prefill chunk in it. */
  prefills = false;
  readonly #chunkMax: number;
  /** A draft model needs one more input slot per sequence. */
  readonly #slots: number;

  constructor(rules: SchedulerRules, sequences: number) {
    this.#slots = rules.speculation?.method === "draft-model" ? 1 : 0;
    this.budget = rules.batchedTokensMax;
    const adaptive = rules.longPrefillAdaptive && sequences > 0 ? Math.floor(rules.batchedTokensMax / sequences) : 0;
    this.#chunkMax = rules.longPrefillTokensMax > 0 && sequences > 1 ? Math.max(rules.longPrefillTokensMax, adaptive) : Infinity;
  }

  /** What one more sequence may take. */
  get room(): number {
    return this.budget - this.#slots;
  }

  capped(tokens: number): number {
    return Math.min(tokens, this.#chunkMax);
  }

  add(request: PlainRequest, tokens: number, drafts: number, admitted: BatchEntry["admitted"]): void {
    this.entries.push({
      request,
      tokens,
      computedBefore: request.computed,
      drafts,
      padded: admitted !== "no",
      admitted,
      preemptions: request.preemptions,
      samples: false,
    });
    this.budget -= tokens + this.#slots;
  }

  /** A sequence that was scheduled in this very step is preempted: its tokens go back to the budget. */
  withdraw(request: PlainRequest): void {
    const place = this.entries.findIndex((entry) => entry.request === request);
    const entry = this.entries[place];
    if (entry === undefined) return;
    this.entries.splice(place, 1);
    this.budget += entry.tokens + this.#slots;
  }
}

/** Place of the highest (priority, arrival); the first of equals. */
function leastUrgent(running: readonly PlainRequest[]): number {
  let place = 0;
  for (let index = 1; index < running.length; index++) {
    const one = running[index];
    const other = running[place];
    if (one === undefined || other === undefined) continue;
    if (one.priority > other.priority || (one.priority === other.priority && one.arrival > other.arrival)) place = index;
  }
  return place;
}
