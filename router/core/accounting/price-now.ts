/**
 * Prices that fall (or rise) with the volume of a month: of a deployment's tokens, prompt and output together, that have been billed since the month began, each attempt is
 * paid for at the step that had been reached when it started. Whole tokens. Each replica counts what it has used itself: several of them pass a step later than the
 * provider does, and then take their bill for higher than it is. A request that may be delayed costs what the step's batch rates say, where it has any, one that goes
 * before others what its priority rates say, or nobody knows what; both only where the provider comes to know of it. What the provider then says of how it was served
 * goes before what was asked for.
 */
import type { DeploymentId, RouteRequest, Usage } from "../messages.ts";
import type { PriceTier, Rates } from "./rates.ts";

function ratesAt(card: Rates, tokens: number): Rates {
  let rates = card;
  for (const step of card.volume ?? []) if (tokens > step.aboveTokens) rates = step.rates;
  return rates;
}

interface Prices {
  readonly prices: readonly (Rates | null)[];
  readonly volumes: readonly number[];
}

type Asked = Pick<RouteRequest, "batch" | "priorityTier" | "atOnce">;

/** Of a state that knows price cards and volumes by DeploymentId: what this request's tokens are expected to cost now; null: unknown. */
export function priceNow(state: Prices, deployment: number, request: Asked): Rates | null {
  return ratesFor(cardNow(state, deployment), tierAt(request, deployment));
}

/** What tokens cost now, in every tier; null: unknown. */
export function cardNow({ prices, volumes }: Prices, deployment: number): Rates | null {
  const card = prices[deployment] ?? null;
  return card?.volume === undefined ? card : ratesAt(card, volumes[deployment] ?? 0);
}

export function ratesFor(card: Rates | null, tier: PriceTier): Rates | null {
  if (tier === "usual" || card === null) return card;
  if (tier === "delayed") return card.batch ?? card;
  if (card.priority === undefined) return card;
  return tier === "priority" ? card.priority : null;
}

/** What is asked for, as far as the provider comes to know of it. */
export function tierAt({ batch, priorityTier, atOnce }: Asked, deployment: number): PriceTier {
  if ((batch !== true && priorityTier !== true) || atOnce?.includes(deployment as DeploymentId) === true) return "usual";
  return batch === true ? "delayed" : "priority";
}

export function countVolume(volumes: number[], deployment: number, { input, output }: Usage): void {
  volumes[deployment] = (volumes[deployment] ?? 0) + input + output;
}
