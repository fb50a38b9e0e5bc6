/**
 * Prices that fall (or rise) with the volume of a month: of a deployment's tokens, prompt and output together, that have been billed since the month began, each attempt is
 * paid for at the step that had been reached when it started. Whole tokens. Each replica counts what it has used itself: several of them pass a step later than the
 * provider does, and then take their bill for higher than it is. A request that may be delayed costs what the step's batch rates say, where it has any.
 */
import type { RouteRequest, Usage } from "../messages.ts";
import type { Rates } from "./rates.ts";

function ratesAt(card: Rates, tokens: number): Rates {
  let rates = card;
  for (const step of card.volume ?? []) if (tokens > step.aboveTokens) rates = step.rates;
  return rates;
}

interface Prices {
  readonly prices: readonly (Rates | null)[];
  readonly volumes: readonly number[];
}

/** Of a state that knows price cards and volumes by DeploymentId: what this request's tokens cost now; null: unknown. */
export function priceNow({ prices, volumes }: Prices, deployment: number, { batch }: Pick<RouteRequest, "batch">): Rates | null {
  const card = prices[deployment] ?? null;
  if (card === null) return null;
  const rates = card.volume === undefined ? card : ratesAt(card, volumes[deployment] ?? 0);
  return batch === true ? (rates.batch ?? rates) : rates;
}

export function countVolume(volumes: number[], deployment: number, { input, output }: Usage): void {
  volumes[deployment] = (volumes[deployment] ?? 0) + input + output;
}
