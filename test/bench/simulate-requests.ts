/**
 * node test/bench/simulate-requests.ts JSON: one row of the bench (BenchRun below) through the whole simulator: router, world, engines; no records unless asked for.
 * Prints what it cost as JSON. The router has what a production one has: two tenants, breakers, retry budgets, timeouts, and limits on requests, tokens, money and attempts
 * in flight, none of which is reached.
 */
import type { DeploymentSpec } from "../../router/core/compiled-config.ts";
import type { RouteId, TenantId } from "../../router/core/messages.ts";
import { micros, seconds } from "../../router/core/time.ts";
import { oneReplica, type VllmSpec } from "../../simulator/core/compiled-scenario.ts";
import { rehearseReplica } from "../../simulator/core/rehearsal.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { runToEnd } from "../../simulator/run/run-to-end.ts";
import { RunRecords } from "../../simulator/run/run-records.ts";
import { fixtureConfig, type FixtureLimit, fixtureQueue } from "../support/router-fixture.ts";
import { idleOptions } from "./bench-options.ts";
import { benchArrivals, type BenchRequests } from "./bench-workload.ts";
import { engineFor, yardstickSpec } from "./yardstick.ts";

export interface BenchRun {
  readonly requests: BenchRequests;
  readonly replicas: number;
  readonly affinity?: boolean;
  readonly records?: boolean;
  /** Name of one of the idle options. */
  readonly option?: string;
}

export interface BenchCost {
  readonly requests: number;
  readonly served: number;
  readonly cpuSeconds: number;
  readonly virtualSeconds: number;
  readonly rssMb: number;
}

const run = JSON.parse(process.argv[2] ?? "{}") as BenchRun;
const option = idleOptions.find(({ name }) => name === run.option);
const limits: readonly FixtureLimit[] = [
  { unit: "requests", amount: 1e8 },
  { unit: "attempts-in-flight", amount: 1e6 },
  { unit: "tokens", amount: 1e10, scope: { kind: "tenant", tenant: 0 as TenantId } },
  { unit: "tokens", amount: 1e10, scope: { kind: "tenant", tenant: 1 as TenantId } },
  { unit: "nano-dollars", amount: 1e15, window: { kind: "period", length: seconds(86_400) }, scope: { kind: "route", route: 0 as RouteId } },
];
const hour = seconds(3600);
const deployment: Partial<DeploymentSpec> = { contextTokens: yardstickSpec.modelTokensMax };
const config = fixtureConfig({
  ...option?.router,
  strategy: run.affinity === true ? "prefix-affinity" : "least-busy",
  deployments: [{ ...deployment, endpoints: run.replicas } as never],
  tenants: 2,
  limits,
  route: {
    queue: fixtureQueue({ lengthMax: 100_000, wait: hour }),
    limits: { connect: hour, firstToken: hour, idle: hour, total: hour },
    affinity: { loadBoundPercent: 125, homesMax: 16_384 },
    ...option?.router?.route,
  },
});
const replica: VllmSpec = {
  kind: "vllm",
  engine: { ...engineFor(run.requests), options: { ...option?.engine } },
  frontEndBefore: micros(0),
  frontEndAfter: micros(0),
};
const { count, arrivals } = await benchArrivals(run.requests, 2);
const summary = { warmUp: micros(0), routes: 1, deployments: 1 };
const records = run.records === true ? new RunRecords({ config, summary, sampleEvery: seconds(60), keeps: "figures" }) : null;
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
    ...option?.scenario,
  },
  {
    seed: 1,
    arrivals,
    observer: {
      requestEnded(record) {
        if (record.result === "served") served += 1;
        records?.add(record);
      },
      breakerChanged: () => undefined,
    },
  },
);
const before = process.cpuUsage();
rehearseReplica(replica);
runToEnd(world, count);
records?.figures();
const used = process.cpuUsage(before);
const cost: BenchCost = {
  requests: count,
  served,
  cpuSeconds: (used.user + used.system) / 1e6,
  virtualSeconds: world.now / 1e6,
  rssMb: Math.round(process.resourceUsage().maxRSS / 1000),
};
console.log(JSON.stringify(cost));
