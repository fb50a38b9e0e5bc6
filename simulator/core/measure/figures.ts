import type { Distribution } from "./percentile.ts";
import type { WeightedDistribution } from "./weighted-percentile.ts";

/**
 * The figures of a run, of a route or of a deployment. They are taken over the requests that were *scheduled* within the window: from the first scheduled
 * request plus the warm-up, to the last scheduled one. Latencies count from the scheduled time, so that nothing that held a request up is left out:
 *  - TTFT = first - scheduled, of requests that got a first token (content, reasoning or tool call);
 *  - TPOT = (last - first) / (output tokens - 1), of served requests with two tokens or more;
 *  - ITL = the gaps between tokens, of served requests: each request's mean gap (TPOT), counted as often as it has gaps, since only first and last tokens are
 *    told apart;
 *  - E2E = end - scheduled, of served requests;
 *  - queue = first attempt - scheduled, of requests that had one.
 * Goodput counts the requests that were served within every limit of the scenario's `slo`, against all that were scheduled: what was rejected, timed out, cut or
 * failed is bad. In the same way `judged` holds percentiles over all scheduled requests but those whose callers left, with the bad ones taken for endless.
 * Throughput is what came out within the window, whoever it belongs to: served requests that ended in it, and output tokens, those of an answer that reaches
 * over the edge in proportion (evenly between its first and last token). What came later is the drain.
 */
export interface Figures {
  readonly requests: RequestCounts;
  readonly ttftMs: Distribution | null;
  readonly tpotMs: Distribution | null;
  readonly itlMs: WeightedDistribution | null;
  readonly e2eMs: Distribution | null;
  readonly queueMs: Distribution | null;
  readonly judged: JudgedPercentiles;
  /** Null: the scenario has no slo, or nothing was scheduled. */
  readonly goodput: Goodput | null;
  /** Share of the prompt tokens of served requests that came from a prefix cache; null where nothing was served. */
  readonly cachedTokenPercent: number | null;
  /** Null when the window has no length. */
  readonly requestsPerSecond: number | null;
  readonly outputTokensPerSecond: number | null;
  readonly attempts: number;
  /** Attempts beyond each request's first. */
  readonly retries: number;
  /** Attempts per request that had any; null when none had. */
  readonly amplification: number | null;
  readonly cost: CostFigures;
}

export interface Goodput {
  readonly good: number;
  readonly percent: number;
  /** Null when the window has no length. */
  readonly perSecond: number | null;
}

/** Milliseconds; null: endless, or nothing to take it from. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}
export interface JudgedPercentiles {
  readonly ttftMs: Percentiles;
  readonly e2eMs: Percentiles;
}

export interface RequestCounts {
  readonly scheduled: number;
  readonly served: number;
  readonly cut: number;
  readonly clientLeft: number;
  readonly failed: number;
  readonly rejected: number;
  /** Of cut, failed and rejected, by name. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** `dollars` holds what is known; where requests ran without a price, the quotients are null. */
export interface CostFigures {
  readonly dollars: number;
  /** Per served request. */
  readonly perRequestDollars: number | null;
  /** Per 1,000 tokens, prompt and output, of served requests. */
  readonly per1kTokensDollars: number | null;
  readonly unpricedRequests: number;
}

/** What the served requests would have cost at one provider's list price, without caches and retries. */
export interface BaselineCost {
  readonly deployment: string;
  readonly dollars: number;
  /** Negative: the baseline is cheaper. Null where either is not known or nothing was served. */
  readonly savedPercent: number | null;
}

/** Requests that were allowed to be delayed. */
export interface BatchFigures {
  /** Of the scheduled requests. */
  readonly percent: number;
  /** By the batch rates, on the tokens of those that were served: what the same deployments would have taken more for them at once. Volume steps are left out. */
  readonly savedDollars: number;
  readonly figures: Figures;
  /** All others. */
  readonly atOnce: Figures;
}

export interface Summary extends Figures {
  readonly window: { readonly fromMs: number; readonly untilMs: number };
  /** After the window: requests that were still open, and until the last of them had ended. */
  readonly drain: { readonly requests: number; readonly lastsMs: number };
  readonly warmUpRequests: number;
  /** Absent: the scenario names none. */
  readonly baseline?: BaselineCost;
  /** Absent: there were none. */
  readonly batches?: BatchFigures;
}
