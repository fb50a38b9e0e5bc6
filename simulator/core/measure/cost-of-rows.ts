import { costOf } from "../../../router/core/accounting/ledger.ts";
import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { BaselineCost, CostFigures } from "./figures.ts";
import { rounded } from "./percentile.ts";
import type { RecordTable } from "./record-table.ts";

export function costOfRows(table: RecordTable, rows: Int32Array, served: Int32Array): CostFigures {
  const { nanoDollars, priced, inputTokens, outputTokens } = table.columns;
  let nano = 0;
  let unpricedRequests = 0;
  for (const row of rows) {
    nano += nanoDollars[row] ?? 0;
    if (priced[row] === 0) unpricedRequests += 1;
  }
  let tokens = 0;
  for (const row of served) tokens += (inputTokens[row] ?? 0) + (outputTokens[row] ?? 0);
  const dollars = nano / 1_000_000_000;
  const known = unpricedRequests === 0 && served.length > 0;
  return {
    dollars,
    perRequestDollars: known ? rounded(dollars / served.length, 9) : null,
    per1kTokensDollars: known && tokens > 0 ? rounded((dollars * 1000) / tokens, 9) : null,
    unpricedRequests,
  };
}

/** @param rates by DeploymentId */
export function savedByBatch(table: RecordTable, served: Int32Array, rates: readonly (Rates | null)[]): number {
  const { deployment, inputTokens, outputTokens, cachedTokens } = table.columns;
  let pico = 0;
  for (const row of served) {
    const card = rates[deployment[row] ?? -1] ?? null;
    if (card?.batch === undefined) continue;
    const usage = { input: inputTokens[row] ?? 0, cachedRead: cachedTokens[row] ?? 0, cacheWrite: 0, output: outputTokens[row] ?? 0, reasoning: 0 };
    pico += costOf(usage, card) - costOf(usage, card.batch);
  }
  return rounded(pico / 1_000_000_000_000, 9);
}

export interface BaselineSpec {
  readonly deployment: string;
  readonly rates: Rates;
}

/** @param cost of the same requests as they were served */
export function baselineCost(table: RecordTable, served: Int32Array, { deployment, rates }: BaselineSpec, cost: CostFigures): BaselineCost {
  const { inputTokens, outputTokens } = table.columns;
  let pico = 0;
  for (const row of served) pico += costOf({ input: inputTokens[row] ?? 0, cachedRead: 0, cacheWrite: 0, output: outputTokens[row] ?? 0, reasoning: 0 }, rates);
  const dollars = rounded(pico / 1_000_000_000_000, 9);
  const known = cost.unpricedRequests === 0 && dollars > 0;
  return { deployment, dollars, savedPercent: known ? rounded((100 * (dollars - cost.dollars)) / dollars, 3) : null };
}
