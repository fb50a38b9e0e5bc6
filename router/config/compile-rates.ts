import type { Rates } from "../core/accounting/rates.ts";
import type { ConfigFile } from "./schema.ts";

type PriceFile = ConfigFile["deployments"][string]["price"];
type RateTable = Extract<PriceFile, { readonly input: number }>;

/** Whole pico-dollars per token; null: unknown. */
export function compileRates(price: PriceFile): Rates | null {
  if (price === "unknown") return null;
  if ("gpuHour" in price) {
    // Dollars an hour over tokens an hour that are really worked through: idle time is paid for by the tokens of the rest. What is read from a cache is not worked through.
    const { gpuHour, gpus, tokensPerSecond, utilisation } = price;
    const rate = Math.round((gpuHour * gpus * 1e12) / ((3600 * tokensPerSecond * utilisation) / 100));
    return { input: rate, output: rate, cacheWrite: rate, cachedRead: 0 };
  }
  const { longPrompt } = price;
  if (longPrompt === undefined) return ratesOf(price);
  return { ...ratesOf(price), longPrompt: { aboveTokens: longPrompt.above, rates: ratesOf(longPrompt) } };
}

function ratesOf({ input, output, cachedInput, cacheWrite, reasoning, pictureTokens, picture }: Omit<RateTable, "longPrompt">): Rates {
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
