import path from "node:path";
import { parse } from "yaml";
import { traceFormatNames } from "../../../../simulator/trace/trace-formats.ts";
import { expect, test } from "vitest";
import { loadScenario } from "../../../../simulator/scenario/load-scenario.ts";
import type { LoadedScenario } from "../../../../simulator/scenario/loaded-scenario.ts";
import { withOrigins } from "../../../../simulator/scenario/with-origins.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const trace = ["TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:15:46.0000000,374,44", "2023-11-16 18:15:50.0000000,396,109"].join("\n");
const config = `deployments:
  pool: { provider: vllm, model: m, endpoints: [http://h:1, http://h:2], context: 8192, key: "\${POOL_KEY}" }
  cloud: { provider: openai-compatible, model: n, endpoints: ["https://x.example/v1"] }
routes: { chat: { deployments: [pool, cloud] }, other: { deployments: [cloud] } }
`;
const fleet = `fleet:
  pool: { kind: vllm, engine: { blocks: 4000, stepTime: { perStepUs: 5000 } }, frontEnd: { after: 1ms } }
  cloud: { kind: hosted, firstToken: { p50: 400ms, p95: 900ms }, perToken: { p50: 12ms, p95: 25ms }, quota: { requestsPerMinute: 60, tokensPerMinute: 1000 } }
`;
const whole = `trace: { format: azure, file: trace.csv, speed: 2 }
config: headgate.yaml
${fleet}route: other
faults:
  - { target: pool/1, kind: down, at: 30s, for: 40s }
  - { target: pool, kind: slow, factor: 3, at: 0s, for: 1s }
  - { target: cloud, kind: error, rate: 0.5, at: 1m, for: 1m }
seed: 7
warmUp: 1s
targets: { ttftP95Ms: { max: 2000 }, servedPercent: { min: 99 }, retries: { min: 1, max: 5 } }
`;

function write(scenario: string, more: Readonly<Record<string, string>> = {}): string {
  return path.join(temporaryFolder({ "try.yaml": scenario, "headgate.yaml": config, "trace.csv": trace, ...more }), "try.yaml");
}

async function load(file: string, env = {}): Promise<LoadedScenario> {
  const loaded = await loadScenario(file, env);
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  return loaded;
}

test("a configuration is called one", async () => {
  const file = write(config);
  const [found, ...others] = await problemsOf(() => loadScenario(file, {}));
  expect(found).toMatchObject({ file, line: 1, column: 1, field: "deployments", message: "this is a configuration of the router, not a scenario" });
  expect(found?.fix).toBe(`serve it: headgate serve -c ${file}; a scenario names it under config, beside a trace and a fleet`);
  expect(others).toEqual([]);
});

test("names become ids, units become microseconds, and each endpoint has its model", async () => {
  const { name, seed, compiled, trace: read } = await load(write(whole));
  expect({ name, seed, rows: read.rows, spanUs: read.spanUs }).toEqual({ name: "try", seed: 7, rows: 2, spanUs: 2_000_000 });
  expect(compiled.defaultRoute).toBe(1);
  expect(compiled.endpoints.map(({ kind }) => kind)).toEqual(["vllm", "vllm", "hosted"]);
  expect(compiled.endpoints[0]).toMatchObject({
    engine: {
      blockTokens: 16,
      blocks: 4000,
      sequencesMax: 256,
      batchedTokensMax: 2048,
      modelTokensMax: 8192,
      stepTime: { kind: "linear", perStepUs: 5000, perSequenceUs: 78 },
    },
    frontEndBefore: 8000,
    frontEndAfter: 1000,
  });
  expect(compiled.endpoints[2]).toEqual({
    kind: "hosted",
    firstToken: { p50: 400_000, p95: 900_000 },
    perToken: { p50: 12_000, p95: 25_000 },
    quota: { requestsPerMinute: 60, tokensPerMinute: 1000 },
  });
  expect(compiled.faults).toEqual([
    { endpoint: 1, at: 30_000_000, until: 70_000_000, fault: { kind: "down" } },
    { endpoint: 0, at: 0, until: 1_000_000, fault: { kind: "slow", factor: 3 } },
    { endpoint: 1, at: 0, until: 1_000_000, fault: { kind: "slow", factor: 3 } },
    { endpoint: 2, at: 60_000_000, until: 120_000_000, fault: { kind: "error", rate: 0.5 } },
  ]);
  expect(compiled.targets.toSorted((one, other) => (`${one.metric}${one.bound}` < `${other.metric}${other.bound}` ? -1 : 1))).toEqual([
    { metric: "retries", bound: "max", value: 5 },
    { metric: "retries", bound: "min", value: 1 },
    { metric: "servedPercent", bound: "min", value: 99 },
    { metric: "ttftP95Ms", bound: "max", value: 2000 },
  ]);
});

test("speed divides the gaps; each call of arrivals begins again", async () => {
  const loaded = await load(write(whole));
  const all = () => {
    const iterator = loaded.arrivals();
    return [iterator.next(), iterator.next(), iterator.next()];
  };
  expect(all()).toMatchObject([
    { done: false, value: { at: 0, inputTokens: 374, outputTokens: 44, blocks: null, route: null } },
    { done: false, value: { at: 2_000_000, inputTokens: 396, outputTokens: 109, blocks: null, route: null } },
    { done: true, value: undefined },
  ]);
  expect(all()).toEqual(all());
});

test("features are drawn by the run's seed: alike for the same, others for another", async () => {
  const rows = Array.from({ length: 60 }, (_, second) => `2023-11-16 18:15:${String(second).padStart(2, "0")}.0000000,10,1`);
  const many = ["TIMESTAMP,ContextTokens,GeneratedTokens", ...rows].join("\n");
  const loaded = await load(write(whole.replace("speed: 2", "features: { tools: 0.5 }"), { "trace.csv": many }));
  const drawn = (seed?: number) => [...{ [Symbol.iterator]: () => loaded.arrivals(seed) }].map(({ features }) => features?.tools);
  expect(drawn()).toHaveLength(60);
  expect(drawn()).toEqual(drawn(7));
  expect(drawn(8)).toEqual(drawn(8));
  expect(drawn(8)).not.toEqual(drawn(7));
});

test("batchable requests ask for a batch where the scenario says so: nowhere, everywhere, or on the routes it names", async () => {
  const asked = async (batches: string, batchable = 1) => {
    const features = whole.replace("speed: 2", `speed: 2, features: { batchable: ${batchable} }`);
    const { value } = (await load(write(`${features}${batches}`))).arrivals().next();
    return value?.batch;
  };
  expect(await asked("")).toBeUndefined();
  expect(await asked("batches: true\n")).toBe(true);
  expect(await asked("batches: true\n", 0)).toBeUndefined();
  expect(await asked("batches: [other]\n")).toBe(true);
  expect(await asked("batches: [chat]\n")).toBeUndefined();
  expect(placed(await problemsOf(async () => await load(write(`${whole}batches: [chat, chatt]\n`))))).toEqual(['14:17 batches[1]: there is no route "chatt"']);
});

test("the batch tier comes from the entry, then from the profile", async () => {
  const tier = async (entry: string) =>
    (await load(write(whole.replace(/cloud: \{ kind: hosted.*$/m, `cloud: { kind: hosted, ${entry} }`)))).compiled.endpoints[2];
  expect(await tier("profile: openai/gpt-4o")).toMatchObject({ batch: { firstTokenFactor: 4, perTokenFactor: 2, refusedRate: 0 } });
  expect(await tier("profile: openai/gpt-4o, batch: { firstTokenFactor: 9, refusedPercent: 5 }")).toMatchObject({
    batch: { firstTokenFactor: 9, perTokenFactor: 2, refusedRate: 0.05 },
  });
  expect(await tier("profile: anthropic/claude-opus")).not.toHaveProperty("batch");
});

test("a configuration within the scenario reports its lines in the scenario", async () => {
  const inline = (text: string) => `trace: { format: azure, file: trace.csv }\nconfig:\n${text.replaceAll(/^(?=.)/gm, "  ")}${fleet}`;
  const inlined = await load(write(inline(config)));
  const apart = await load(write(`trace: { format: azure, file: trace.csv }\nconfig: headgate.yaml\n${fleet}`));
  expect(inlined.compiled).toEqual(apart.compiled);
  expect([inlined.config.file, apart.config.file]).toEqual([null, "headgate.yaml"]);
  const wrong = inline(config.replace("context:", "contxt:").replace("[cloud]", "[clod]"));
  expect(placed(await problemsOf(async () => await load(write(wrong))))).toEqual(['4:76 config.deployments.pool.contxt: unknown key "contxt"']);
  const unknown = inline(config.replace("{ deployments: [cloud] }", "{ deployments: [clod] }"));
  expect(placed(await problemsOf(async () => await load(write(unknown))))).toEqual(['6:74 config.routes.other.deployments[0]: there is no deployment "clod"']);
});

test("problems of a configuration in a file of its own name that file", async () => {
  const file = write(whole, { "headgate.yaml": config.replace("context: 8192", "context: -1") });
  const problems = await problemsOf(async () => await load(file));
  expect(problems[0]?.file).toBe(path.join(path.dirname(file), "headgate.yaml"));
  expect(placed(problems)).toEqual(["2:83 deployments.pool.context: -1 is less than 1"]);
});

test("every problem of the shape, each at its place", async () => {
  const bad = `trace: { format: azur, file: 7, speed: 0 }
config: 7
fleet:
  pool: { kind: vlm }
  cloud: { kind: hosted, firstToken: { p50: 400ms, p95: 900 }, perTokn: { p50: 12ms, p95: 25ms } }
faults: [ { target: pool/0, kind: down, at: 30, for: 40s, rate: 1 }, { kind: slow, target: pool } ]
targets: { ttftP95: { max: 2000 } }
`;
  const problems = await problemsOf(async () => await load(write(bad)));
  expect(placed(problems)).toEqual([
    `1:18 trace.format: "azur" is not one of ${traceFormatNames.join(", ")}`,
    "1:30 trace.file: must be text, not the number 7",
    "1:40 trace.speed: 0 is less than 0.001",
    "2:9 config: 7 cannot stand here",
    '4:17 fleet.pool.kind: "vlm" is not one of vllm, hosted',
    "5:57 fleet.cloud.firstToken.p95: the duration 900 has no unit",
    '5:64 fleet.cloud.perTokn: unknown key "perTokn"',
    "6:45 faults[0].at: the duration 30 has no unit",
    '6:59 faults[0].rate: unknown key "rate"',
    "6:70 faults[1].factor: is missing",
    '7:12 targets.ttftP95: unknown key "ttftP95"',
  ]);
  expect(problems.find(({ field }) => field === "fleet.cloud.perTokn")?.fix).toContain(
    'did you mean "perToken"? (known: kind, profile, firstToken, perToken, quota,',
  );
});

test("what only holds between scenario and configuration", async () => {
  const bad = `trace: { format: azure, file: trace.csv }
config: headgate.yaml
route: chatt
fleet:
  pool: { kind: vllm, engine: { blocks: 500, batchedTokensMax: 100 } }
  clod: { kind: vllm }
faults: [ { target: pool/2, kind: down, at: 30s, for: 40s }, { kind: slow, target: d, at: 1s, for: 2s, factor: 2 } ]
targets: { ttftP95Ms: { } }
`;
  const problems = await problemsOf(async () => await load(write(bad)));
  expect(placed(problems)).toEqual([
    '3:8 route: there is no route "chatt"',
    '4:1 fleet: says nothing about the deployment "cloud"',
    "5:41 fleet.pool.engine.blocks: 500 blocks do not hold one request of 8192 tokens: vLLM would not start",
    "5:64 fleet.pool.engine.batchedTokensMax: 100 is less than sequencesMax (256): vLLM would not start",
    '6:3 fleet.clod: there is no deployment "clod" in the configuration',
    '7:21 faults[0].target: "pool" has no replica 2: it has 2, counted from 0',
    '7:84 faults[1].target: there is no deployment "d"',
    "8:23 targets.ttftP95Ms: bounds nothing",
  ]);
  const quantiles = whole.replace("p95: 900ms", "p95: 100ms");
  expect(placed(await problemsOf(async () => await load(write(quantiles))))).toEqual(["5:57 fleet.cloud.firstToken.p95: is shorter than p50"]);
  const warmUp = whole.replace("warmUp: 1s", "warmUp: 3s");
  expect(placed(await problemsOf(async () => await load(write(warmUp))))).toEqual([
    "12:9 warmUp: is longer than the trace, whose last request comes at 2 s: nothing would be measured",
  ]);
});

test("problems of the trace name the trace", async () => {
  const file = write(whole, { "trace.csv": `${trace}\nx,1,1` });
  const [problem] = await problemsOf(async () => await load(file));
  expect(problem).toMatchObject({ file: path.join(path.dirname(file), "trace.csv"), line: 4, column: 1, field: "TIMESTAMP" });
  const absent = await problemsOf(async () => await load(write(whole.replace("trace.csv", "nothing.csv"))));
  expect(absent).toMatchObject([{ line: 1, field: "trace.file", message: expect.stringMatching(/^there is no file .*nothing\.csv$/) }]);
});

test("a trace in the shared folder that is not there makes the scenario not applicable, and says why", async () => {
  const shared = whole.replace("file: trace.csv", "file: t/trace.csv, relativeTo: shared");
  const folder = temporaryFolder({ "t/trace.csv": trace });
  expect((await load(write(shared), { HEADGATE_SHARED: folder })).trace.rows).toBe(2);
  const without = await loadScenario(write(shared), { HEADGATE_SHARED: "/no/such/folder" });
  expect(without).toMatchObject({
    kind: "not-applicable",
    name: "try",
    reason: "the trace t/trace.csv lies in the shared folder, and /no/such/folder does not exist (set HEADGATE_SHARED to where it is)",
  });
  const misspelt = await loadScenario(write(shared.replace("t/trace.csv", "t/trase.csv")), { HEADGATE_SHARED: folder });
  expect(misspelt).toMatchObject({ reason: `the shared folder ${folder} has no t/trase.csv (did you mean "trace.csv"?)` });
  // What is wrong with the rest is said all the same.
  const broken = await problemsOf(async () => await loadScenario(write(shared.replace("route: other", "route: x")), { HEADGATE_SHARED: "/no/such/folder" }));
  expect(broken).toHaveLength(1);
});

test("with other origins: endpoints that the fleet's replicas made up are listed too", async () => {
  const loaded = await load(
    write(whole.replace("pool: { kind: vllm", "pool: { replicas: 2, kind: vllm"), {
      "headgate.yaml": config.replace("endpoints: [http://h:1, http://h:2], ", ""),
    }),
  );
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const pool = ["http://127.0.0.1:5001", "http://127.0.0.1:5002"];
  const origins = new Map([
    ["pool", pool],
    ["cloud", ["http://127.0.0.1:5003"]],
  ]);
  expect(parse(withOrigins(loaded, { origins, listen: at(1), metrics: at(2) }))).toMatchObject({ deployments: { pool: { endpoints: pool } } });
});

test("with other origins: the same configuration for serve, without the keys of the real ones", async () => {
  const loaded = await load(write(whole));
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const origins = new Map([
    ["pool", ["http://127.0.0.1:5001", "http://127.0.0.1:5002"]],
    ["cloud", ["http://127.0.0.1:5003"]],
  ]);
  const text = withOrigins(loaded, { origins, listen: at(1), metrics: at(2) });
  expect(parse(text)).toEqual({
    deployments: {
      pool: { provider: "vllm", model: "m", endpoints: origins.get("pool"), context: 8192, key: "${HEADGATE_MOCK_KEY}" },
      cloud: { provider: "openai-compatible", model: "n", endpoints: origins.get("cloud") },
    },
    routes: { chat: { deployments: ["pool", "cloud"] }, other: { deployments: ["cloud"] } },
    listen: at(1),
    metrics: at(2),
  });
  expect(() => withOrigins(loaded, { origins: new Map(), listen: at(1), metrics: at(2) })).toThrow("pool has 2 endpoints, 0 addresses were given");
});

test("keys that the trace has no use for are said, not passed over", async () => {
  const open = whole.replace("speed: 2", "speed: 2, map: { at: t }, timeUnit: ms, sessions: { atOnce: 3 }");
  expect(placed(await problemsOf(async () => load(write(open))))).toEqual([
    "1:52 trace.map: is only for the format columns: others know their columns and units",
    "1:68 trace.timeUnit: is only for the format columns: others know their columns and units",
    "1:82 trace.sessions: is only for traces of sessions: these requests come at recorded instants",
  ]);
  const session = JSON.stringify({ id: "one", block_size: 64, requests: [{ t: 0, in: 100, out: 5, blk: [] }] });
  const closed = whole.replace(
    "format: azure, file: trace.csv, speed: 2",
    "format: agentic, file: sessions.jsonl, speed: 2, jitter: 3s, features: { tools: 0.5 }",
  );
  const problems = await problemsOf(async () => load(write(`${closed}batches: true\n`, { "sessions.jsonl": session })));
  expect(problems.map(({ field }) => field)).toEqual(["trace.speed", "trace.jitter", "trace.features", "batches"]);
  await load(write(closed.replace(", speed: 2, jitter: 3s, features: { tools: 0.5 }", ", speed: 1"), { "sessions.jsonl": session }));
});

test("a target whose figure could never be taken is a mistake", async () => {
  const asked = "targets: { goodputPercent: { min: 97 }, savedPercent: { min: 40 }, gpuDollars: { max: 9 }, energyKwh: { max: 1 } }";
  const file = whole.replace(/targets: .*/, asked);
  expect((await problemsOf(async () => load(write(file)))).map(({ field, message }) => `${field ?? ""} ${message}`)).toEqual([
    "targets.goodputPercent needs to know what a good request is",
    "targets.savedPercent needs a deployment to compare with",
    "targets.gpuDollars needs the price of a GPU hour of pool",
    "targets.energyKwh needs the power of the GPUs of pool",
  ]);
  const priced = file
    .replace("pool: { kind: vllm,", "pool: { kind: vllm, gpuHour: 2, watts: 700,")
    .replace("fleet:", "slo: { ttft: 2s }\nbaseline: cloud\nfleet:");
  await load(write(priced, { "headgate.yaml": config.replace('v1"]', 'v1"], price: { input: 1, output: 2 }') }));
});
