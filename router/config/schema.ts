import { z } from "zod";
import { strategyNames } from "../core/compiled-config.ts";
import { providerNames } from "./service-spec.ts";
import { micros } from "../core/time.ts";
import { breaker, breakerOverride } from "./breaker-schema.ts";
import { endpointUrl } from "./endpoint-url.ts";
import { callersListen, cors, egress, metricsListen, state, tls } from "./entry-schema.ts";
import { providerKey } from "./key-reference.ts";
import { limitSchema, tenantSchema } from "./limit-schema.ts";
import { label, place, zones } from "./place-schema.ts";
import { gpuPrice, instant, priceSource, priceTable } from "./price-schema.ts";
import { choice, count, duration, flag, formed, number, text } from "./scalars.ts";

export const tierNames = ["A", "B", "C"] as const;

const probe = z
  .strictObject({
    enabled: flag("Whether it is asked; absent: where there is a path").optional(),
    path: formed(
      "What is asked with GET, below the endpoint's URL: 2xx or 3xx is healthy; absent: /health for vllm, nothing for the others",
      /^\/[!-~]{0,500}$/,
      "path",
      "write what stands behind the host, as /health",
    ).optional(),
    every: duration("Time from one probe of an endpoint to the next, a tenth more or less", micros(100_000)).prefault("5s"),
    timeout: duration("An answer that takes longer is a bad one").prefault("5s"),
    healthyAfter: count("Good answers in a row that bring an endpoint back", 1, 1000).prefault(2),
    unhealthyAfter: count("Bad answers in a row that take it out, unless it has answered requests meanwhile", 1, 1000).prefault(3),
  })
  .meta({ description: "Active probes: each endpoint is asked how it is, whether or not it has traffic" });

const deployment = z
  .strictObject({
    provider: choice("Which API the endpoints speak", providerNames),
    model: text("Model name that the endpoints are asked for"),
    endpoints: z
      .array(endpointUrl)
      .min(1)
      .optional()
      .meta({ description: "One URL per replica; a hosted API has one; absent: the provider's own (openai, anthropic, vertex)" }),
    tier: choice("Within a route a later tier has traffic only while no endpoint of the tiers before can take it", tierNames).prefault("A"),
    weight: count("Share of a weighted route; 0: only when nothing else is left", 0, 1_000_000).prefault(1),
    context: count("Context window: prompt and output tokens together; absent: not checked", 1, 100_000_000).optional(),
    concurrency: count("Attempts in flight per endpoint; absent: unlimited", 1, 1_000_000).optional(),
    adaptiveConcurrency: z
      .strictObject({
        min: count("Attempts per endpoint that are known not to queue inside it; it is measured with so many", 1, 1_000_000).prefault(4),
        tolerance: number("First tokens may take so many times as long as without a queue", { min: 1, max: 100, whole: false }).prefault(2),
        measureEvery: duration("How often the time without a queue is measured again").prefault("60s"),
      })
      .optional()
      .meta({
        description:
          "Find the limit on attempts in flight out, up to concurrency, by the time to the first token of streams (an endpoint that answers none keeps min); absent: concurrency is the limit",
      }),
    price: z
      .union([z.literal("unknown"), priceTable, gpuPrice])
      .optional()
      .meta({
        description:
          "Write { input: 0.15, output: 0.60 } in dollars per million tokens, or unknown: the cost is then not known, never zero. Absent: the list price of the catalogue (see `prices`), or unknown",
      }),
    priceChanges: z
      .array(z.strictObject({ from: instant, price: priceTable }))
      .prefault([])
      .meta({ description: "Prices that come into force later; what has begun is paid for at the old one" }),
    key: providerKey.optional(),
    apiVersion: text("Of Azure: the API version; absent: 2024-10-21").optional(),
    project: text("Of Vertex: the project; absent: the key is an API key of express mode").optional(),
    location: text("Of Vertex: the location; absent: global").optional(),
    breaker: breakerOverride.prefault({}),
    probe: probe.prefault({}),
    tags: z.array(label("A tag")).prefault([]).meta({
      description:
        "Requests with these tags may come; with `default` also those without tags, and those whose tags no deployment of the route has. Absent: only requests without tags",
    }),
    zone: zones.optional(),
    region: label("Where it answers: what requests with a preferred region or a residency are matched by").optional(),
    quality: number(
      "How good its answers are, on a scale of your own: requests with a quality_threshold go only where it is reached; absent: not known, so they do not come",
      {
        min: 0,
        max: 1,
        whole: false,
      },
    ).optional(),
    quota: z
      .strictObject({
        requestsPerMinute: count("Requests", 1, 100_000_000).optional(),
        tokensPerMinute: count("Tokens, prompt and output together", 1, 100_000_000_000).optional(),
      })
      .prefault({})
      .meta({ description: "What the provider grants each endpoint: usage-based routing keeps away from its end" }),
  })
  .meta({ description: "A callable model behind one or more endpoints" });

const timeouts = z
  .strictObject({
    connect: duration("Until the connection stands").prefault("2s"),
    firstToken: duration("Until the first token of a stream").prefault("30s"),
    idle: duration("Between two tokens of a stream").prefault("30s"),
    total: duration("The whole attempt").prefault("10m"),
  })
  .meta({ description: "Limits of one attempt" });

const retryable = [
  "rate-limited",
  "overloaded",
  "draining",
  "server-error",
  "connect-failed",
  "cut",
  "timed-out-first-token",
  "timed-out-idle",
  "timed-out-total",
  "unauthorised",
  "not-found",
] as const;

const retryBudgetFields = {
  percent: number("Retries per arrived request, percent", { min: 0, max: 1000, whole: false }).prefault(10),
  floorPerSecond: count("Retries a second that are allowed whatever the traffic, to endpoints that have not just failed", 0, 1_000_000),
};

const retry = z
  .strictObject({
    attempts: count("Attempts per request, the first included; 1: no retry", 1, 20).prefault(3),
    attemptsByFailure: z
      .strictObject(
        Object.fromEntries(retryable.map((kind) => [kind, count(`Attempts at most once one has ended as ${kind}`, 1, 20).optional()])) as Record<
          (typeof retryable)[number],
          z.ZodOptional<ReturnType<typeof count>>
        >,
      )
      .meta({ description: "Fewer attempts after some kinds of failure, the first included; 1: not tried again" })
      .prefault({}),
    backoff: z
      .strictObject({
        base: duration("Longest first wait; it doubles with each retry, and the wait is drawn below it").prefault("100ms"),
        max: duration("Longest wait").prefault("5s"),
      })
      .prefault({}),
    retryAfterMax: duration("A longer Retry-After is not waited for", micros(0)).prefault("30s"),
    budget: z
      .strictObject({
        percent: retryBudgetFields.percent,
        floorPerSecond: retryBudgetFields.floorPerSecond.prefault(10),
      })
      .prefault({}),
  })
  .meta({ description: "What is tried again after a failure, and how often" });

const fallbackList = (when: string) =>
  z
    .array(text("Name of a route, or of a deployment"))
    .prefault([])
    .meta({ description: `Where to go ${when}` });

const route = z
  .strictObject({
    strategy: choice("How a deployment is chosen", strategyNames).prefault("weighted"),
    deployments: z.array(text("Name of a deployment")).min(1),
    aliases: z
      .array(
        formed(
          "A name, * for any run of characters",
          /^[A-Za-z0-9*][A-Za-z0-9._:/*-]{0,127}$/,
          "name of a model",
          "use up to 128 letters, digits and . _ : / - *",
        ),
      )
      .optional()
      .meta({
        description:
          "Other model names of the route; * stands for any run of characters, as in gpt-4o-*. A whole name comes before a pattern, a longer pattern before a shorter",
      }),
    outputTokensDefault: count("Output tokens assumed when the caller gives no cap", 1, 10_000_000).prefault(1024),
    realtimeCostLimitUsd: number(
      "Dollars that a request costs at most, all attempts together; one that may be delayed (service tier flex or batch) is not bound by it, and a caller may ask for less; absent: no limit",
      { min: 0, max: 1_000_000, whole: false },
    ).optional(),
    timeouts: timeouts.prefault({}),
    retry: retry.prefault({}),
    affinity: z
      .strictObject({
        loadBoundPercent: count("Of the mean load: above it an endpoint's prefixes go elsewhere", 100, 100_000).prefault(125),
        homes: count("Prefixes whose endpoint is remembered", 64, 10_000_000).prefault(16_384),
      })
      .prefault({})
      .meta({ description: "Of strategy prefix-affinity" }),
    queue: z
      .strictObject({
        length: count("Requests that may wait for a place", 0, 1_000_000).prefault(1000),
        wait: duration("Longest wait for a place", micros(0)).prefault("10s"),
        order: choice("Who goes on first: fair between tenants by tokens, or first come, first served", ["fair", "fcfs"]).prefault("fair"),
        ageing: duration("So much waiting is worth one point of priority", micros(0)).prefault("1s"),
        inputWeight: count("What a prompt token counts in a tenant's share", 0, 1000).prefault(1),
        outputWeight: count("What a generated token counts in a tenant's share", 0, 1000).prefault(2),
        burst: count("Weighted tokens by which a tenant that has had less than the others goes before them when it begins to wait", 0, 1_000_000_000).prefault(
          4000,
        ),
        rejectEarly: flag("Turn away at once, with a Retry-After, who would wait too long by the measured rate").prefault(true),
      })
      .prefault({}),
    hedge: z
      .strictObject({
        quantile: number("A stream without a first token for longer than this share of the route's first tokens took is tried at a second endpoint as well", {
          min: 0.5,
          max: 0.999,
          whole: false,
        }).prefault(0.95),
        delayMin: duration("Nothing is doubled sooner").prefault("100ms"),
        percent: number("Hedges per arrived request, percent", { min: 0, max: 100, whole: false }).prefault(5),
      })
      .optional()
      .meta({ description: "Whether slow streams are tried twice at once; absent: never" }),
    floorPercent: count("Share of the route's endpoints that stay in use whatever their breakers say, the least bad ones", 0, 100).prefault(0),
    fallbacks: z
      .strictObject({
        general: fallbackList("when the route cannot take a request or has failed it"),
        contextWindow: fallbackList("when no deployment has room for the prompt; then the general ones"),
        contentPolicy: fallbackList("when a content filter has refused"),
        budget: fallbackList("when a budget is spent; then the general ones"),
        hops: count("Fallbacks per request at most", 0, 10).prefault(5),
      })
      .meta({ description: "Names of other routes, or of deployments, tried in order; no route is visited twice" })
      .prefault({}),
  })
  .meta({ description: "A model name that callers use" });

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/);

export const configSchema = z
  .strictObject({
    listen: callersListen,
    here: place.prefault({}),
    signals: z
      .strictObject({ every: duration("How often each is asked; it costs a server 12 to 20 ms", micros(1_000_000)).prefault("1s") })
      .optional()
      .meta({ description: "Ask vLLM servers for their load (their /metrics), for the strategies that go by it; absent: nobody asks" }),
    tls,
    egress,
    state,
    metrics: metricsListen,
    deployments: z
      .record(name, deployment)
      .meta({ description: "NAME: { provider: ..., model: ..., endpoints: [...] }, callable models by names of your own" }),
    breaker: breaker.prefault({}),
    retryBudget: z
      .strictObject({ percent: retryBudgetFields.percent, floorPerSecond: retryBudgetFields.floorPerSecond.prefault(10) })
      .meta({ description: "Retry budget of all routes together, beside each route's own" })
      .prefault({}),
    routes: z.record(name, route).meta({ description: "NAME: { deployments: [NAME] }, by the names that callers ask for" }),
    tenants: z
      .record(name, tenantSchema)
      .prefault({})
      .meta({ description: "Callers by their keys; absent: whoever calls is one and the same, with or without a key" }),
    limits: z.array(limitSchema).prefault([]).meta({ description: "Limits and budgets of routes, providers, tiers, deployments, and in total" }),
    cors: cors.optional(),
    prices: priceSource.prefault({}),
    unknownPrice: choice("What a money budget says to a deployment without a price: it may be called and is counted, or it is refused", [
      "count",
      "refuse",
    ]).prefault("count"),
  })
  .meta({ title: "Headgate configuration" });

/** The file as read: units applied, defaults filled in, names not yet resolved. */
export type ConfigFile = z.output<typeof configSchema>;
