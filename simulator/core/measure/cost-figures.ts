import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { BaselineCost, CostFigures } from "./figures.ts";
import { rounded } from "./percentile.ts";

export interface CostSums {
  readonly nanoDollars: number;
  /** Requests of unknown price. */
  readonly unpriced: number;
  readonly served: number;
  /** Prompt and output, of served requests. */
  readonly tokensServed: number;
}

export function costFigures({ nanoDollars, unpriced, served, tokensServed }: CostSums): CostFigures {
  const dollars = nanoDollars / 1_000_000_000;
  const known = unpriced === 0 && served > 0;
  return {
    dollars,
    perRequestDollars: known ? rounded(dollars / served, 9) : null,
    per1kTokensDollars: known && tokensServed > 0 ? rounded((dollars * 1000) / tokensServed, 9) : null,
    unpricedRequests: unpriced,
  };
}

export interface BaselineSpec {
  readonly deployment: string;
  readonly rates: Rates;
}

/** @param dollars at the baseline's rates @param cost of the same requests as they were served */
export function baselineCost(deployment: string, dollars: number, cost: CostFigures): BaselineCost {
  const known = cost.unpricedRequests === 0 && dollars > 0;
  return { deployment, dollars, savedPercent: known ? rounded((100 * (dollars - cost.dollars)) / dollars, 3) : null };
}
