import type { RequestFeatures } from "../core/workload/request-features.ts";

/** One request of a trace, in the trace's own time. What the source does not know is null. */
export interface TraceRow {
  /** Microseconds since the first row; with a fraction where the source is finer. */
  readonly atUs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Chained ids of the prompt's blocks, as the source numbers them. */
  readonly blocks: readonly number[] | null;
  readonly session: string | null;
  readonly tenant: string | null;
  readonly route: string | null;
  readonly features: Partial<RequestFeatures> | null;
}

export const rowOf = (atUs: number, inputTokens: number, outputTokens: number, more?: Partial<TraceRow>): TraceRow => ({
  atUs,
  inputTokens,
  outputTokens,
  blocks: more?.blocks ?? null,
  session: more?.session ?? null,
  tenant: more?.tenant ?? null,
  route: more?.route ?? null,
  features: more?.features ?? null,
});
