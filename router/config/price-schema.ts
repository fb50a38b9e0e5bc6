import { z } from "zod";
import { choice, count, number, price, scalar, shown, text } from "./scalars.ts";
import type { Parsed } from "./scalars.ts";

const rateTable = {
  input: price("Prompt tokens"),
  output: price("Generated tokens"),
  cachedInput: price("Prompt tokens read from the provider's cache; absent: as input").optional(),
  cacheWrite: price("Prompt tokens written to the provider's cache; absent: as input").optional(),
  reasoning: price("Generated tokens that the caller does not see, counted within output; absent: as output").optional(),
  pictureTokens: price("Prompt tokens that stand for pictures, where the provider counts them; absent: as input").optional(),
  picture: number("Each picture in the prompt, beside its tokens, dollars", { min: 0, max: 1000, whole: false }).optional(),
};
const tierTables = {
  batch: z.strictObject(rateTable).meta({ description: "What everything costs that may be delayed: requests with service_tier flex or batch" }).optional(),
  priority: z
    .strictObject(rateTable)
    .meta({
      description: "What everything costs that goes before others: what OpenAI, Azure and Anthropic serve with service_tier priority; absent: not known",
    })
    .optional(),
};
export const priceTable = z.strictObject({
  ...rateTable,
  ...tierTables,
  longPrompt: z
    .strictObject({ above: count("Prompt tokens", 1, 100_000_000), ...rateTable })
    .meta({ description: "What everything costs where the prompt is longer" })
    .optional(),
  volume: z
    .array(
      z.strictObject({
        above: count("Tokens of this deployment in a calendar month (UTC), prompt and output together", 1, 9_000_000_000_000_000),
        ...rateTable,
        ...tierTables,
      }),
    )
    .meta({ description: "What everything costs beyond so many tokens a month; each replica counts its own" })
    .optional(),
});
/** What a machine costs by the hour, spread over the tokens that it works through. */
export const gpuPrice = z.strictObject({
  gpuHour: number("Dollars per GPU and hour", { min: 0, max: 10_000, whole: false }),
  gpus: count("GPUs per endpoint", 1, 10_000).prefault(1),
  tokensPerSecond: count("Prompt and output tokens that an endpoint works through when it is fully used", 1, 100_000_000),
  utilisation: number("Share of the time that it is used, percent: the rest is paid for too", { min: 1, max: 100, whole: false }).prefault(50),
});
/** A day of the calendar: `Date` reads the 30th of February as one in March. */
function isDay(text: string): boolean {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

/** An instant with its offset, as 2026-04-01T00:00:00Z. */
export const instant = scalar({ type: "string", format: "date-time", examples: ["2026-04-01T00:00:00Z"] }, (value): Parsed<number> => {
  const isForm = typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(value) && isDay(value.slice(0, 10));
  const given = isForm ? Date.parse(value) : Number.NaN;
  return Number.isNaN(given) ? { message: `${shown(value)} is no instant`, fix: "write 2026-04-01T00:00:00Z" } : { value: given };
});

/** Providers that publish prices by model. */
export const listedProviders = ["openai", "azure", "anthropic", "vertex"] as const;
export type ListedProvider = (typeof listedProviders)[number];

export const priceSource = z
  .strictObject({
    catalogue: choice("Where a deployment of OpenAI, Azure, Anthropic or Vertex without a price of its own has one from", ["built-in", "none"]).prefault(
      "built-in",
    ),
    file: text("A catalogue of your own, relative to the configuration; what stands there goes before the built-in one").optional(),
    staleAfterDays: count("Older list prices are said to be old, by `config validate` and at the start", 1, 3650).prefault(180),
  })
  .meta({ description: "List prices for deployments without a price" });

const day = scalar({ type: "string", format: "date", examples: ["2026-08-21"] }, (value): Parsed<string> => {
  return typeof value === "string" && isDay(value) ? { value } : { message: `${shown(value)} is no day`, fix: "write 2026-08-21" };
});

const listPrice = z.strictObject({ ...priceTable.shape, source: text("Where this price is from, if not as the others").optional(), date: day.optional() });

/** A catalogue of list prices, by provider. */
export const catalogueSchema = z
  .partialRecord(
    z.enum(listedProviders),
    z.strictObject({
      source: text("Where the prices are from"),
      date: day,
      batchPercent: count("What everything costs where it may be delayed, percent; absent: as `batch` of each model says", 1, 100).optional(),
      like: choice("Models that are not here cost what they cost there", listedProviders).optional(),
      models: z.record(z.string().min(1), listPrice).prefault({}),
    }),
  )
  .meta({ title: "Headgate price catalogue" });
export type CatalogueFile = z.output<typeof catalogueSchema>;
