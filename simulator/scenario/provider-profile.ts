import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fixturesFolder } from "./fixtures-folder.ts";

/** What is known of a hosted model, each figure with its source: plain data in fixtures/providers, one file per provider. */
export interface ProviderProfile {
  /** `<provider>/<model>` */
  readonly name: string;
  readonly contextTokens: number;
  /** Dollars per million tokens; null: not by token. For people: costs come from the configuration. `batchPercent`: what a batch saves. */
  readonly price: { readonly input: number; readonly output: number; readonly cachedInput?: number; readonly batchPercent?: number } | null;
  readonly firstTokenMs: Spread;
  readonly perTokenMs: Spread;
  /** What a tier for requests that may be delayed takes longer; absent: it has none that answers within the same call. */
  readonly batch?: { readonly firstTokenFactor: number; readonly perTokenFactor: number };
  readonly quota: { readonly requestsPerMinute: number; readonly tokensPerMinute: number } | null;
  /** By figure. */
  readonly sources: Readonly<Record<string, string>>;
  readonly note?: string;
}

export interface Spread {
  readonly p50: number;
  readonly p95: number;
}

export function providerProfiles(folder = fixturesFolder("providers")): readonly ProviderProfile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as ProviderProfile[]);
}
