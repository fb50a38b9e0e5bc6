import type { Rates } from "../core/accounting/rates.ts";
import type { ConfigFile } from "./schema.ts";

type PriceFile = Exclude<ConfigFile["deployments"][string]["price"], "unknown" | undefined>;
type PriceTable = Extract<PriceFile, { readonly input: number }>;
type RateTable = Omit<PriceTable, "batch" | "priority" | "longPrompt" | "volume">;
type StepTable = RateTable & Pick<PriceTable, "batch" | "priority">;

/** Who serves requests before others for a price of its own. */
const withPriorityTier: ReadonlySet<string> = new Set(["openai", "azure", "anthropic"]);

/** Whole pico-dollars per token. @param provider whose tiers they are */
export function compileRates(price: PriceFile, provider: string): Rates {
  if ("gpuHour" in price) {
    // Dollars an hour over tokens an hour that are really worked through: idle time is paid for by the tokens of the rest. What is read from a cache is not worked through.
    const { gpuHour, gpus, tokensPerSecond, utilisation } = price;
    const rate = Math.round((gpuHour * gpus * 1e12) / ((3600 * tokensPerSecond * utilisation) / 100));
    return { input: rate, output: rate, cacheWrite: rate, cachedRead: 0 };
  }
  const { longPrompt, volume = [] } = price;
  const steps = volume
    .map((step) => ({ aboveTokens: step.above, rates: withTiers(step, provider) }))
    .toSorted((one, other) => one.aboveTokens - other.aboveTokens);
  return {
    ...withTiers(price, provider),
    ...(longPrompt === undefined ? {} : { longPrompt: { aboveTokens: longPrompt.above, rates: ratesOf(longPrompt) } }),
    ...(steps.length === 0 ? {} : { volume: steps }),
  };
}

function withTiers({ batch, priority, ...rest }: StepTable, provider: string): Rates {
  return {
    ...ratesOf(rest),
    ...(batch === undefined ? {} : { batch: ratesOf(batch) }),
    ...(withPriorityTier.has(provider) ? { priority: priority === undefined ? null : ratesOf(priority) } : {}),
  };
}

function ratesOf({ input, output, cachedInput, cacheWrite, reasoning, pictureTokens, picture }: RateTable): Rates {
  return {
    input,
    output,
    cachedRead: cachedInput ?? input,
    cacheWrite: cacheWrite ?? input,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(pictureTokens === undefined ? {} : { pictureTokens }),
    ...(picture === undefined ? {} : { picture: Math.round(picture * 1e12) }),
  };
}
