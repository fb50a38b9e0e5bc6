/**
 * Prices that fall (or rise) with the volume of a month: of a deployment's tokens, prompt and output together, that have been billed since the month began, each attempt is
 * paid for at the step that had been reached when it started. Whole tokens. Each replica counts what it has used itself: several of them pass a step later than the
 * provider does, and then take their bill for higher than it is. A request that may be delayed costs what the step's batch rates say, where it has any and where the
 * provider comes to know of it; what the provider then says of how it was served goes before what was asked for.
 */
import type { DeploymentId, RouteRequest, Usage } from "../messages.ts";
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

type Tier = Pick<RouteRequest, "batch" | "atOnce">;

/** Of a state that knows price cards and volumes by DeploymentId: what this request's tokens are expected to cost now; null: unknown. */
export function priceNow(state: Prices, deployment: number, request: Tier): Rates | null {
  return ratesFor(cardNow(state, deployment), mayBeDelayedAt(request, deployment));
}

/** What tokens cost now, delayed or not; null: unknown. */
export function cardNow({ prices, volumes }: Prices, deployment: number): Rates | null {
  const card = prices[deployment] ?? null;
  return card?.volume === undefined ? card : ratesAt(card, volumes[deployment] ?? 0);
}

export function ratesFor(card: Rates | null, delayed: boolean): Rates | null {
  return delayed ? (card?.batch ?? card) : card;
}

export function mayBeDelayedAt({ batch, atOnce }: Tier, deployment: number): boolean {
  return batch === true && atOnce?.includes(deployment as DeploymentId) !== true;
}

export function countVolume(volumes: number[], deployment: number, { input, output }: Usage): void {
  volumes[deployment] = (volumes[deployment] ?? 0) + input + output;
}
