import type { PriceNotes } from "../config/load-config.ts";
import { isStale } from "../config/pricing.ts";
import type { DeploymentSpec } from "../core/compiled-config.ts";
import type { DeploymentId } from "../core/messages.ts";

/** Of one deployment; dates and sources where a catalogue has the price. */
export interface PriceTold {
  readonly by: "file" | "catalogue" | "nobody";
  readonly model?: string;
  readonly date?: string;
  readonly source?: string;
  readonly file?: string | null;
  readonly stale?: boolean;
}

export function priceTold({ of, staleAfterDays }: PriceNotes, deployment: DeploymentId, nowMs: number): PriceTold {
  const pricing = of[deployment] ?? { by: "nobody" };
  return pricing.by === "catalogue" ? { ...pricing, stale: isStale(pricing, staleAfterDays, nowMs) } : pricing;
}

export function priceLine({ by, model = "", date = "", source = "", file = null, stale = false }: PriceTold): string {
  if (by === "file") return "as the configuration says";
  if (by === "nobody") return "not known: what it costs is counted as not known, never as zero (write price: { input: ..., output: ... })";
  const where = file === null ? "the catalogue" : file;
  return `list price of ${model} on ${date}, from ${where}${stale ? "; that is old: check it, and write it into the configuration" : ""} (${source})`;
}

/** What is said of tiers at the start; nothing where their prices are known, or there are none. */
export function tierNotes(deployments: readonly DeploymentSpec[]): readonly string[] {
  const unknown = deployments.filter(({ rates }) => rates?.priority === null).map(({ name }) => name);
  return unknown.length === 0
    ? []
    : [`prices: unknown for ${few(unknown)} in service tier priority; what is served in it is counted as unknown, never as usual`];
}

/** What is said at the start: one line for what is known, one for what is not, one for what is old. */
export function priceNotes({ of, staleAfterDays }: PriceNotes, names: readonly string[], refusesUnknown: boolean, nowMs: number): readonly string[] {
  const those = (holds: (deployment: DeploymentId) => boolean): readonly string[] => names.filter((_, id) => holds(id as DeploymentId));
  const listed = those((id) => of[id]?.by === "catalogue");
  const unknown = those((id) => of[id]?.by === "nobody");
  const stale = those((id) => isStale(of[id] ?? { by: "nobody" }, staleAfterDays, nowMs));
  const dates = [...new Set(of.flatMap((pricing) => (pricing.by === "catalogue" ? [pricing.date] : [])))].toSorted();
  const known = listed.length + unknown.length === 0 ? ["prices: known for all deployments"] : [];
  const fromList = listed.length === 0 ? [] : [`prices: list prices (${dates.join(", ")}) for ${few(listed)}`];
  const consequence = refusesUnknown ? "and budgets refuse them" : "never as zero";
  const notKnown = unknown.length === 0 ? [] : [`prices: unknown for ${few(unknown)}; their cost is counted as unknown, ${consequence}`];
  const old =
    stale.length === 0 ? [] : [`prices: those of ${few(stale)} are more than ${staleAfterDays} days old: check them, and write them into the configuration`];
  return [...known, ...fromList, ...notKnown, ...old];
}

export function few(names: readonly string[]): string {
  return names.length <= 5 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
