/** At which of a provider's prices a request is served: `delayed` as one that may wait, `priority` before others, `unlisted` by a contract that nobody here knows. */
export type PriceTier = "usual" | "delayed" | "priority" | "unlisted";

/** Whole pico-dollars per token. */
export interface Rates {
  readonly input: number;
  readonly cachedRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  /** Of generated tokens that the caller does not see; absent: as output. */
  readonly reasoning?: number;
  /** Of prompt tokens that stand for pictures; absent: as input. */
  readonly pictureTokens?: number;
  /** Of each picture in the prompt, beside its tokens; absent: nothing. Pico-dollars. */
  readonly picture?: number;
  /** What everything costs where the prompt is longer than so many tokens. */
  readonly longPrompt?: { readonly aboveTokens: number; readonly rates: Rates };
  /** What everything costs in a batch, or where it may be delayed as one. */
  readonly batch?: Rates;
  /** What everything costs in the tier that goes before others; null: not known. Absent: the provider has no tiers but `batch`, whatever is asked for. */
  readonly priority?: Rates | null;
  /** What everything costs beyond so many tokens a month, in ascending order. */
  readonly volume?: readonly { readonly aboveTokens: number; readonly rates: Rates }[];
}

export function chargesPictures(rates: Rates | null): boolean {
  if (rates === null) return false;
  const { picture, batch, priority, longPrompt, volume = [] } = rates;
  return (
    picture !== undefined ||
    chargesPictures(batch ?? null) ||
    chargesPictures(priority ?? null) ||
    chargesPictures(longPrompt?.rates ?? null) ||
    volume.some((step) => chargesPictures(step.rates))
  );
}
