import { z } from "zod";
import { micros } from "../../router/core/time.ts";
import { count, duration, number, text } from "../../router/config/scalars.ts";

export const latencySchema = (what: string) =>
  z
    .strictObject({ p50: duration("Median", micros(1)), p95: duration("95th percentile", micros(1)) })
    .meta({ description: `${what}; log-normal by two quantiles` });
const percent = (what: string) => number(`${what}, percent of the calls`, { min: 0, max: 100, whole: false }).optional();

export const hostedSchema = z
  .strictObject({
    kind: z.literal("hosted"),
    profile: text("Profile by name, as `headgate profiles` lists them; what stands beside it goes before its figures").optional(),
    firstToken: latencySchema("Request to first token").optional(),
    perToken: latencySchema("Between two tokens, one draw per request").optional(),
    quota: z
      .strictObject({
        requestsPerMinute: count("RPM", 1, 1_000_000_000).optional(),
        tokensPerMinute: count("TPM, a prompt and its cap on output counted at admission", 1, 1_000_000_000_000).optional(),
        concurrency: count("Calls in flight", 1, 1_000_000).optional(),
      })
      .optional()
      .meta({ description: "Above it calls are refused with 429; absent: the profile's, or none" }),
    context: count("Longer prompts are refused; absent: the profile's, or none is", 1, 100_000_000).optional(),
    timeOfDay: z
      .array(number("Everything takes so many times as long at this full hour", { min: 0.1, max: 100, whole: false }))
      .length(24)
      .optional()
      .meta({ description: "24 factors, from midnight on, with even passages between; the scenario's startsAt says where the run begins" }),
    errorPercent: percent("Answered with 500, steadily"),
    overloadPercent: percent("Answered with 503 or 529, steadily"),
    filteredPercent: percent("Refused by the content filter"),
    cutPercent: percent("Answers that break off part-way"),
    slowStreams: z
      .strictObject({
        percent: number("Of the calls", { min: 0, max: 100, whole: false }),
        factor: number("Their tokens take so many times as long", { min: 1, max: 1000, whole: false }),
      })
      .optional()
      .meta({ description: "Answers that crawl, steadily" }),
    batch: z
      .strictObject({
        firstTokenFactor: number("The first token takes so many times as long; absent: the profile's, or 1", { min: 1, max: 10_000, whole: false }).optional(),
        perTokenFactor: number("And each further token; absent: the profile's, or 1", { min: 1, max: 1000, whole: false }).optional(),
        refusedPercent: percent("Refused with 429 for want of resources, without Retry-After"),
      })
      .optional()
      .meta({ description: "The tier for requests that may be delayed (the scenario's batches); absent: the profile's, or they are served as any other" }),
    errorClusters: z
      .strictObject({
        perHour: number("Clusters in an hour, on average", { min: 0.000_001, max: 3600, whole: false }),
        meanDuration: duration("How long each lasts, on average"),
        percent: number("Of the calls that fail in it", { min: 0, max: 100, whole: false }),
        with: z.enum(["error", "overload"]).prefault("error").meta({ description: "500 or 503" }),
      })
      .optional()
      .meta({ description: "Errors that come in clusters (a Gilbert-Elliott channel): faults at random, on top of errorPercent" }),
  })
  .meta({ description: "A hosted API" });

export type HostedEntry = z.output<typeof hostedSchema>;
