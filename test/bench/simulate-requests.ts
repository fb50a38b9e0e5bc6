/** node test/bench/simulate-requests.ts FILE REPLICAS: the requests of FILE through the router and REPLICAS engines; prints what it cost as JSON. */
import { type EndpointModelSpec, oneReplica } from "../../simulator/core/compiled-scenario.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { fixtureConfig } from "../support/router-fixture.ts";
import { micros } from "../../router/core/time.ts";
import { dumpedRequests } from "./dumped-requests.ts";

const [file = "", replicas = "16"] = process.argv.slice(2);
const arrivals = dumpedRequests(file);

/** The prototype's step: 6 ms + 33 us a prefill token + 40 us a decode + 0.045 us a context token + 0.001 us chunk x (past + chunk / 2). */
const replica: EndpointModelSpec = {
  kind: "vllm",
  engine: {
    blockTokens: 16,
    blocks: 27_000,
    sequencesMax: 256,
    batchedTokensMax: 8192,
    modelTokensMax: 131_072,
    stepTime: {
      kind: "linear",
      perStepUs: 6000,
      perPrefillTokenUs: 33,
      perSequenceUs: 40,
      perContextTokenUs: 0.045,
      perChunkAttentionUs: 0.001,
      source: { kind: "fitted", hardware: "benchmark", model: "benchmark", engineVersion: "none", errorPercent: 0 },
    },
  },
  frontEndBefore: micros(0),
  frontEndAfter: micros(0),
};

const config = fixtureConfig({ deployments: [{ endpoints: Number(replicas), contextTokens: 131_072 }], route: { limits: wideLimits() } });
let served = 0;
const world = createWorld(
  {
    name: "benchmark",
    config,
    endpoints: config.endpoints.map(() => replica),
    faults: [],
    replicas: oneReplica,
    defaultRoute: config.routes[0]?.id ?? (0 as never),
    warmUp: micros(0),
    targets: [],
  },
  {
    seed: 1,
    arrivals: arrivals[Symbol.iterator](),
    observer: { requestEnded: ({ result }) => void (served += result === "served" ? 1 : 0), breakerChanged: () => undefined },
  },
);
const before = process.cpuUsage();
world.run();
const used = process.cpuUsage(before);
console.log(JSON.stringify({ requests: arrivals.length, served, cpuSeconds: (used.user + used.system) / 1e6, virtualSeconds: world.now / 1e6 }));

function wideLimits(): {
  connect: ReturnType<typeof micros>;
  firstToken: ReturnType<typeof micros>;
  idle: ReturnType<typeof micros>;
  total: ReturnType<typeof micros>;
} {
  const hour = micros(3_600_000_000);
  return { connect: hour, firstToken: hour, idle: hour, total: hour };
}
