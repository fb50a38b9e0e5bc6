import type { ListPrice, PriceCatalogue } from "./price-catalogue.ts";
import { compileRates } from "./compile-rates.ts";
import type { ConfigFile } from "./schema.ts";
import type { Rates } from "../core/accounting/rates.ts";

/** Where a deployment's price is from. */
export type Pricing = { readonly by: "file" } | ({ readonly by: "catalogue" } & Omit<ListPrice, "rates">) | { readonly by: "nobody" };

/** The price in the file; absent, that of the catalogue; else none. */
export function priceOf({ price, provider, model }: ConfigFile["deployments"][string], catalogue: PriceCatalogue): { rates: Rates | null; pricing: Pricing } {
  if (price === "unknown") return { rates: null, pricing: { by: "nobody" } };
  if (price !== undefined) return { rates: compileRates(price, provider), pricing: { by: "file" } };
  const listed = catalogue.find(provider, model);
  if (listed === null) return { rates: null, pricing: { by: "nobody" } };
  const { rates, ...rest } = listed;
  return { rates, pricing: { by: "catalogue", ...rest } };
}

/** A list price that is older than so many days. */
export function isStale(pricing: Pricing, staleAfterDays: number, nowMs: number): boolean {
  return pricing.by === "catalogue" && nowMs - Date.parse(pricing.date) > staleAfterDays * 86_400_000;
}
