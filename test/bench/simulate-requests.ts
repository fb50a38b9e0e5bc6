/**
 * node test/bench/simulate-requests.ts FILE REPLICAS [bare]: the requests of FILE through the whole simulator (router, world, engines; no records) as JSON: what it cost.
 * The router has what a production one has: two tenants, breakers, retry budgets, timeouts, and limits on requests, tokens, money and attempts in flight, none of which is
 * reached. `bare`: without limits and with one tenant.
 */
import type { RouteId, TenantId } from "../../router/core/messages.ts";
import { micros, seconds } from "../../router/core/time.ts";
import { type EndpointModelSpec, oneReplica } from "../../simulator/core/compiled-scenario.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { fixtureConfig, type FixtureLimit } from "../support/router-fixture.ts";
import { arrivalsOf, dumpedRequests } from "./dumped-requests.ts";
import { yardstickSpec } from "./yardstick.ts";

const [file = "", replicas = "16", bare] = process.argv.slice(2);
const tenants = bare === "bare" ? 1 : 2;
const requests = dumpedRequests(file);
const replica: EndpointModelSpec = { kind: "vllm", engine: yardstickSpec, frontEndBefore: micros(0), frontEndAfter: micros(0) };

const limits: readonly FixtureLimit[] = [
  { unit: "requests", amount: 1e8 },
  { unit: "attempts-in-flight", amount: 1e5 },
  { unit: "tokens", amount: 1e10, scope: { kind: "tenant", tenant: 0 as TenantId } },
  { unit: "tokens", amount: 1e10, scope: { kind: "tenant", tenant: 1 as TenantId } },
  { unit: "nano-dollars", amount: 1e15, window: { kind: "period", length: seconds(86_400) }, scope: { kind: "route", route: 0 as RouteId } },
];
const hour = seconds(3600);
const config = fixtureConfig({
  deployments: [{ endpoints: Number(replicas), contextTokens: 131_072 }],
  tenants,
  limits: bare === "bare" ? [] : limits,
  route: { limits: { connect: hour, firstToken: hour, idle: hour, total: hour } },
});
let served = 0;
const world = createWorld(
  {
    name: "benchmark",
    config,
    endpoints: config.endpoints.map(() => replica),
    faults: [],
    replicas: oneReplica,
    defaultRoute: 0 as RouteId,
    warmUp: micros(0),
    targets: [],
  },
  {
    seed: 1,
    arrivals: arrivalsOf(requests, tenants),
    observer: { requestEnded: ({ result }) => void (served += result === "served" ? 1 : 0), breakerChanged: () => undefined },
  },
);
const before = process.cpuUsage();
world.run();
const used = process.cpuUsage(before);
console.log(
  JSON.stringify({
    requests: requests.at.length,
    served,
    cpuSeconds: (used.user + used.system) / 1e6,
    virtualSeconds: world.now / 1e6,
    rssMb: Math.round(process.memoryUsage().rss / 1e6),
  }),
);
