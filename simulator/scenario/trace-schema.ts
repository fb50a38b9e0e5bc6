import { z } from "zod";
import { choice, count, duration, number, text } from "../../router/config/scalars.ts";
import { micros, seconds } from "../../router/core/time.ts";
import { modalities, tasks } from "../core/workload/request-features.ts";
import { traceFormatNames } from "../trace/trace-formats.ts";

const sessions = z
  .strictObject({
    atOnce: count("Sessions open at once; one that ends makes place for the next", 1, 1_000_000).prefault(16),
    rampUp: duration("The first ones are begun evenly over so much time", micros(0)).prefault("1m"),
    idleMax: duration("Longer pauses are cut to it; absent: none is", micros(0)).optional(),
    timeLimit: duration("Nothing is sent after it, and what is under way is left", seconds(1)).prefault("1h"),
    afterFailure: choice("What a session does after a call that was not served", ["go-on", "end"]).prefault("go-on"),
    repeat: z.boolean().meta({ description: "Begin the sessions again when all were begun, until the time limit" }).prefault(false),
  })
  .meta({ description: "How sessions of a closed loop are played; only for traces of sessions" });

const share = (what: string) => number(what, { min: 0, max: 1, whole: false });
const weights = (what: string, names: readonly string[]) =>
  z
    .strictObject(Object.fromEntries(names.map((name) => [name, number(`Weight of ${name}`, { min: 0, max: 1_000_000, whole: false }).optional()])))
    .meta({ description: what });
const range = (what: string) => z.strictObject({ from: share("Least"), to: share("Most") }).meta({ description: what });

const features = z
  .strictObject({
    task: weights("Of tasks", tasks).optional(),
    modality: weights("Of modalities", modalities).optional(),
    tools: share("Share of requests that carry tools").optional(),
    urgent: share("Share of requests that are urgent").optional(),
    batchable: share("Share of requests that may wait for a batch").optional(),
    complexity: range("Even between the two").optional(),
    qualityFloor: range("Even between the two").optional(),
  })
  .meta({ description: "What requests have whose features the trace does not know, drawn by the seed; the result says which were drawn" });

export const traceSchema = z
  .strictObject({
    format: choice("Format of the trace", traceFormatNames),
    file: text("Trace file, zipped or not"),
    relativeTo: choice("What `file` is relative to; shared is the folder ../shared beside the project, or HEADGATE_SHARED", [
      "scenario",
      "shared",
      "working-directory",
    ]).prefault("scenario"),
    rows: count("Only the first so many rows (or sessions); absent: all", 1, 100_000_000).optional(),
    speed: number("Divides the gaps between arrivals: 2 is twice the traffic in half the time", { min: 0.001, max: 100_000, whole: false }).prefault(1),
    jitter: duration(
      "Spreads requests of one instant over so much time, by the scenario's own seed: alike in all runs; Mooncake's slots: 3s",
      micros(0),
    ).optional(),
    map: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: "Which column means what, for the format columns: { input: prompt_tokens, output: completion_tokens, at: ts }" }),
    timeUnit: choice("Of numeric instants in columns", ["s", "ms", "us", "ns"]).optional(),
    sessions: sessions.prefault({}),
    features: features.optional(),
  })
  .meta({ description: "Where the requests come from" });
