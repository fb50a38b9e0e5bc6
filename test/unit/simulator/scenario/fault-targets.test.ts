import { expect, test } from "vitest";
import { loadScenario } from "../../../../simulator/scenario/load-scenario.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const scenario = (faults: string): string => `trace: { format: azure, file: trace.csv }
config:
  deployments:
    pool: { provider: vllm, model: m, endpoints: [http://h:1, http://h:2] }
    "zone:eu": { provider: openai-compatible, model: n, endpoints: ["https://x.example"] }
  routes: { chat: { deployments: [pool, "zone:eu"] } }
fleet:
  pool: { kind: vllm }
  "zone:eu": { kind: hosted, firstToken: { p50: 4ms, p95: 9ms }, perToken: { p50: 1ms, p95: 2ms } }
replicas: 2
faults:
${faults}
`;
const trace = ["TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:15:46.0000000,374,44", "2023-11-16 18:25:46.0000000,396,109"].join("\n");
const load = async (faults: string) => {
  const loaded = await loadScenario(`${temporaryFolder({ "try.yaml": scenario(faults), "trace.csv": trace })}/try.yaml`, {});
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  return loaded.compiled;
};

test("targets: deployments, replicas of them, providers, the network, the store, replicas of the router", async () => {
  const { faults, faultPlans, faultsUntil } = await load(`
  - { target: pool/1, kind: down, at: 1s, for: 2s }
  - { target: "zone:eu", kind: stall, at: 1s, for: 2s }
  - { target: "provider:vllm", kind: overload, rate: 0.5, at: 0s }
  - { target: network, kind: loss, rate: 0.1, at: 1s, for: 1s }
  - { target: "network:pool/0", kind: latency, delay: 20ms, at: 1s, for: 1s }
  - { target: "store:1", kind: down, at: 1s, for: 2s, every: 10s }
  - { target: "replica:0", kind: down, random: { perHour: 2, meanDuration: 30s } }`);
  expect(faults.map(({ endpoint, at, until, fault }) => [endpoint, at / 1e6, until / 1e6, fault.kind])).toEqual([
    [1, 1, 3, "down"],
    [2, 1, 3, "stall"],
    [0, 0, Infinity, "overload"],
    [1, 0, Infinity, "overload"],
    [0, 1, 2, "loss"],
    [1, 1, 2, "loss"],
    [2, 1, 2, "loss"],
    [0, 1, 2, "latency"],
  ]);
  expect(faultPlans).toEqual([
    { name: "store:1 down 5", target: { kind: "store", replica: 1 }, timing: { kind: "every", at: 1_000_000, for: 2_000_000, every: 10_000_000 } },
    { name: "replica:0 down 0", target: { kind: "replica", replica: 0 }, timing: { kind: "random", perHour: 2, meanDuration: 30_000_000, stream: 0 } },
  ]);
  expect(faultsUntil).toBe(600_000_000);
});

test("what does not fit together is named, all of it, at its place", async () => {
  const bad = `  - { target: pol, kind: down, at: 1s }
  - { target: pool/2, kind: down, at: 1s }
  - { target: "provider:vlm", kind: down, at: 1s }
  - { target: "replica:2", kind: down, at: 1s }
  - { target: store, kind: slow, factor: 2, at: 1s }
  - { target: network, kind: error, rate: 1, at: 1s }
  - { target: pool, kind: down, for: 1s }
  - { target: pool, kind: down, at: 1s, random: { perHour: 1, meanDuration: 1s } }
  - { target: pool, kind: down, at: 1s, for: 5s, every: 4s }`;
  expect(placed(await problemsOf(async () => await load(bad)))).toEqual([
    '12:15 faults[0].target: there is no deployment "pol"',
    '13:15 faults[1].target: "pool" has no replica 2: it has 2, counted from 0',
    '14:15 faults[2].target: no endpoint is of the provider "vlm"',
    '15:15 faults[3].target: there is no replica "2" of the router: it has 2, counted from 0',
    "16:28 faults[4].kind: store has only faults of kind down, not slow",
    "17:30 faults[5].kind: error is no fault of the network",
    "18:5 faults[6].at: is missing",
    "19:49 faults[7].random: stands beside at, for or every",
    "20:57 faults[8].every: is not longer than the fault itself",
  ]);
});
