import type { Rates } from "../core/accounting/rates.ts";
import { picturesMax, tokensMax } from "../core/accounting/request-bounds.ts";
import type { Report } from "./compile-fallbacks.ts";
import { compileRates } from "./compile-rates.ts";
import type { ConfigFile } from "./schema.ts";
import type { FieldPath } from "./yaml-source.ts";

const fix = "check that prices are dollars per million tokens (input and output up to 900 dollars together), and what a picture costs";

/** What a request costs must stay a whole number, now and after every change. @param now null: it is not known */
export function checkPrices(name: string, now: Rates | null, { provider, priceChanges }: ConfigFile["deployments"][string], report: Report): void {
  const check = (path: FieldPath, rates: Rates): void => {
    if (dearest(rates) > Number.MAX_SAFE_INTEGER)
      report(["deployments", name, ...path], "value", "one request could cost more than can be counted exactly", fix);
  };
  if (now !== null) check(["price"], now);
  for (const [place, { price }] of priceChanges.entries()) check(["priceChanges", place, "price"], compileRates(price, provider));
}

/** What a request can cost at most, in pico-dollars, at whichever of the prices. */
function dearest({ longPrompt, batch, priority, volume = [], ...rates }: Rates): number {
  const { input, output, cachedRead, cacheWrite, reasoning = output, pictureTokens = 0, picture = 0 } = rates;
  const own = tokensMax * (Math.max(input, cachedRead, cacheWrite, pictureTokens) + Math.max(output, reasoning)) + picturesMax * picture;
  const others = [longPrompt?.rates, batch, priority, ...volume.map((step) => step.rates)];
  return Math.max(own, ...others.map((other) => (other === undefined || other === null ? 0 : dearest(other))));
}
