/**
 * Prices that fall (or rise) with the volume of a month: of a deployment's tokens, prompt and output together, that have been billed since the month began, each attempt is
 * paid for at the step that had been reached when it started. Whole tokens. Each replica counts what it has used itself: several of them pass a step later than the
 * provider does, and then take their bill for higher than it is.
 */
import type { Usage } from "../messages.ts";
import type { Rates } from "./rates.ts";

/** @param tokens billed this month */
export function ratesAt(card: Rates | null, tokens: number): Rates | null {
  if (card === null || card.volume === undefined) return card;
  let rates = card;
  for (const step of card.volume) if (tokens > step.aboveTokens) rates = step.rates;
  return rates;
}

/** Of a state that knows cards and volumes by DeploymentId: what its tokens cost now. */
export function priceNow(
  { prices, volumes }: { readonly prices: readonly (Rates | null)[]; readonly volumes: readonly number[] },
  deployment: number,
): Rates | null {
  return ratesAt(prices[deployment] ?? null, volumes[deployment] ?? 0);
}

export function countVolume(volumes: number[], deployment: number, { input, output }: Usage): void {
  volumes[deployment] = (volumes[deployment] ?? 0) + input + output;
}
