import { z } from "zod";
import { micros } from "../../router/core/time.ts";
import { choice, count, duration, number, scalar, shown, text } from "../../router/config/scalars.ts";
import { place } from "../../router/config/place-schema.ts";
import { configSchema } from "../../router/config/schema.ts";
import { metricNames } from "../core/measure/metric-names.ts";
import { vllmSchema } from "./engine-schema.ts";
import { faultSchema } from "./fault-schema.ts";
import { hostedSchema, latencySchema } from "./hosted-schema.ts";
import { machineFields, placeFields } from "./pool-schema.ts";
import { traceSchema } from "./trace-schema.ts";

const signals = z
  .strictObject({
    every: duration("Each replica asks each vLLM engine for its load once in it").prefault("5s"),
    delay: duration("From the engine's sample to the core", micros(0)).prefault("10ms"),
  })
  .meta({ description: "Load signals of the engines; absent: nobody asks" });

const leaseStore = z
  .strictObject({
    latency: latencySchema("Of a message between a replica and the store, one way").optional(),
    loss: number("Share of questions and answers that are lost; they are asked again after 1 s", { min: 0, max: 0.9, whole: false }).prefault(0),
  })
  .meta({
    description: "The store of limits and budgets that the replicas share; its outages stand among the faults (target: store, or store:0 for one replica)",
  });

const bound = z.strictObject({
  max: number("At most", { min: 0, max: 1e15, whole: false }).optional(),
  min: number("At least", { min: 0, max: 1e15, whole: false }).optional(),
});
const targets = z
  .strictObject(Object.fromEntries(metricNames.map((name) => [name, bound.optional()])))
  .meta({ description: "Figures of the summary and their bounds" });

/** The file's path, or the mapping itself. */
const config = z
  .union([
    scalar({ type: "string", description: "Configuration file, relative to the scenario" }, (value) =>
      typeof value === "string" && value !== "" ? { value } : { message: `must be a path or a mapping, not ${shown(value)}`, fix: "give a path or a mapping" },
    ),
    configSchema,
  ])
  .meta({ description: "A configuration file's path, relative to the scenario, or the configuration itself" });

const changes = z
  .array(
    z.strictObject({
      at: duration("Since the start", micros(0)),
      config: z
        .union([
          scalar({ type: "string", description: "Configuration file, relative to the scenario" }, (value) =>
            typeof value === "string" && value !== ""
              ? { value }
              : { message: `must be a path or a mapping, not ${shown(value)}`, fix: "give a path or a mapping" },
          ),
          z.record(z.string(), z.unknown()),
        ])
        .optional()
        .meta({
          description: "A whole configuration's path, or a mapping that is laid over the one before; absent: another share for the version that came last",
        }),
      canaryPercent: number("Share of new requests; 100: all, and it is the stable version; 0: none any more", { min: 0, max: 100, whole: false }).prefault(
        100,
      ),
      by: choice("What a request is drawn by for the share", ["request", "tenant"]).prefault("request"),
    }),
  )
  .meta({ description: "Versions of the configuration that come while it runs, and their shares, in order of time" });

export const scenarioSchema = z
  .strictObject({
    extends: text("Another scenario, relative to this one: what stands here is merged over it, mappings key by key").optional(),
    description: text("What this scenario is about").optional(),
    trace: traceSchema,
    config,
    route: text("Route that the requests ask for; absent: the first").optional(),
    batches: z
      .union([z.boolean(), z.array(text("Route")).min(1)])
      .prefault(false)
      .meta({
        description:
          "Batchable requests (trace.features, or the trace says so) ask for the slower, cheaper tier, as with service_tier flex: of all routes, or of these",
      }),
    fleet: z
      .record(z.string(), z.discriminatedUnion("kind", [vllmSchema.extend({ ...placeFields, ...machineFields }), hostedSchema.extend(placeFields)]))
      .meta({ description: "What stands behind each deployment, one model per endpoint" }),
    faults: z.array(faultSchema).prefault([]).meta({ description: "What goes wrong, and when" }),
    replicas: count("Replicas of the router, each with a core of its own; requests are spread over them at random", 1, 64).prefault(1),
    replicaPlaces: z
      .array(place)
      .min(1)
      .optional()
      .meta({ description: "Where the replicas are, gone through in turns; absent: where the configuration says" }),
    gossip: duration("How long an opening of a breaker takes to the other replicas; absent: they do not tell each other", micros(0)).optional(),
    signals: signals.optional(),
    leaseStore: leaseStore.prefault({}),
    membership: z
      .array(
        z.strictObject({
          target: text("Deployment, or one of its replicas as pool-a/0"),
          leaves: duration("Since the start: takes no new attempts from then on", micros(0)),
          joins: duration("Since the start: is there again; absent: never", micros(0)).optional(),
        }),
      )
      .prefault([])
      .meta({ description: "Endpoints that leave the fleet, and come back" }),
    changes: changes.prefault([]),
    seed: count(
      "Seed of all randomness, where no other is asked for; what the trace itself is made of (jitter, servegen) is always drawn by it",
      0,
      4_294_967_295,
    ).prefault(1),
    warmUp: duration("Requests scheduled before it are left out of the figures", micros(0)).prefault("0s"),
    window: duration("Only requests scheduled so long after the warm-up are measured; absent: all").optional(),
    slo: z
      .strictObject({
        ttft: duration("To the first token").optional(),
        tpot: duration("Between two tokens, on average over the request", micros(1)).optional(),
        e2e: duration("To the end").optional(),
      })
      .optional()
      .meta({ description: "What a good request keeps: goodput counts those that keep all of it" }),
    baseline: text("Deployment whose list price the cost is compared with").optional(),
    startsAt: duration("Time of day at which the run starts, since midnight", micros(0)).prefault("0s"),
    series: z
      .strictObject({ every: duration("Distance of the points") })
      .optional()
      .meta({ description: "Time series and utilisation; absent: some 300 points, at least a second apart" }),
    targets: targets.prefault({}),
  })
  .meta({ title: "Headgate scenario" });

export type ScenarioFile = z.output<typeof scenarioSchema>;
export type FleetEntry = ScenarioFile["fleet"][string];
