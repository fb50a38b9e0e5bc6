import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadScenario } from "../../../../simulator/scenario/load-scenario.ts";
import { readLayers } from "../../../../simulator/scenario/scenario-layers.ts";
import type { LoadedScenario } from "../../../../simulator/scenario/loaded-scenario.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const trace = ["TIMESTAMP,ContextTokens,GeneratedTokens", "2023-11-16 18:15:46.0000000,374,44", "2023-11-16 18:15:50.0000000,396,109"].join("\n");
const config = `deployments:
  pool: { provider: vllm, model: m, endpoints: [http://h:1, http://h:2] }
  cloud: { provider: openai-compatible, model: n, endpoints: ["https://x.example"], price: { input: 1, output: 2 } }
routes: { chat: { strategy: weighted, deployments: [pool, cloud] } }
`;
const base = `trace: { format: azure, file: trace.csv }
config: headgate.yaml
fleet:
  pool: { kind: vllm }
  cloud: { kind: hosted, profile: openai/gpt-4o }
faults:
  - { target: pool/1, kind: down, at: 30s, for: 40s }
  - { target: pool, kind: slow, factor: 3, at: 0s, for: 1s }
warmUp: 1s
targets: { ttftP95Ms: { max: 2000 } }
`;
const files = (top: string) => ({ "deep/base.yaml": base, "deep/headgate.yaml": config, "deep/trace.csv": trace, "top.yaml": top });

async function load(top: string, settings: readonly string[] = []): Promise<LoadedScenario> {
  const loaded = await loadScenario(`${temporaryFolder(files(top))}/top.yaml`, {}, { settings });
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  return loaded;
}

test("mappings merge, lists and values replace, and paths are relative to the file in which they stand", async () => {
  const { compiled, name, config: used } = await load("extends: deep/base.yaml\nwarmUp: 2s\nfaults: []\ntargets: { servedPercent: { min: 99 } }\n");
  expect(name).toBe("top");
  expect(used.file).toBe("headgate.yaml");
  expect(compiled.warmUp).toBe(2_000_000);
  expect(compiled.faults).toEqual([]);
  expect(compiled.targets.map(({ metric }) => metric)).toEqual(["ttftP95Ms", "servedPercent"]);
  expect(compiled.endpoints.map(({ kind }) => kind)).toEqual(["vllm", "vllm", "hosted"]);
});

test("what it extends may be named by its whole path; where there is no such file, the place that names it is told", async () => {
  const folder = temporaryFolder({ ...files("extends: nowhere.yaml\n"), "other.yaml": "" });
  expect(await problemsOf(() => readLayers(`${folder}/top.yaml`, []))).toMatchObject([
    { field: "extends", line: 1, message: `there is no file ${folder}/nowhere.yaml` },
  ]);
  const elsewhere = temporaryFolder({ "top.yaml": `extends: ${folder}/deep/base.yaml\n` });
  const loaded = await loadScenario(`${elsewhere}/top.yaml`, {}, { settings: [] });
  expect(loaded).toMatchObject({ kind: "loaded", compiled: { warmUp: 1_000_000 } });
});

test("a part of a configuration's file can be changed, from a file above it and from the command line", async () => {
  const top = "extends: deep/base.yaml\nconfig: { routes: { chat: { strategy: least-busy } } }\n";
  const { compiled } = await load(top, ["config.breaker.failures=3", "config.routes.chat.retry.attempts=1"]);
  expect(compiled.config.routes[0]).toMatchObject({ strategy: "least-busy", retry: { attemptsMax: 1 } });
  expect(compiled.config.deployments[0]?.breaker.failures).toBe(3);
  expect(compiled.config.endpoints).toHaveLength(3);
});

test("a mapping of another kind replaces", async () => {
  const top = "extends: deep/base.yaml\nfleet: { pool: { kind: hosted, firstToken: { p50: 1ms, p95: 2ms }, perToken: { p50: 1ms, p95: 2ms } } }\n";
  expect((await load(top)).compiled.endpoints.map(({ kind }) => kind)).toEqual(["hosted", "hosted", "hosted"]);
});

test("what is set has the type of its YAML; the digest tells it apart", async () => {
  const plain = await load("extends: deep/base.yaml\n");
  const { compiled, sha256 } = await load("extends: deep/base.yaml\n", [
    "warmUp=3s",
    "faults.1.factor=7",
    "fleet.pool.replicas=4",
    "seed=12",
    "fleet.pool.zone=[a, b]",
  ]);
  expect(compiled.warmUp).toBe(3_000_000);
  expect(compiled.faults.map(({ fault }) => fault)).toContainEqual({ kind: "slow", factor: 7 });
  expect(compiled.config.endpoints.map(({ origin, zone }) => `${origin} ${zone}`)).toEqual([
    "http://h:1 a",
    "http://h:2 b",
    "http://127.0.0.1:9501 a",
    "http://127.0.0.1:9502 b",
    "https://x.example ",
  ]);
  expect(sha256).not.toBe(plain.sha256);
});

test("fewer replicas than the configuration lists are the first of them; none listed are invented", async () => {
  expect((await load("extends: deep/base.yaml\nfaults: []\n", ["fleet.pool.replicas=1"])).compiled.config.endpoints.map(({ origin }) => origin)).toEqual([
    "http://h:1",
    "https://x.example",
  ]);
  const top = "extends: deep/base.yaml\nconfig: { deployments: { pool: { endpoints: null } } }\nfleet: { pool: { replicas: 2 } }\n";
  expect((await load(top)).compiled.config.deployments[0]?.endpoints).toHaveLength(2);
});

test("every problem stands where its value does: in the file, in the one it extends, in the configuration, on the command line", async () => {
  const place = async (top: string, settings: readonly string[] = []) => {
    const problems = await problemsOf(async () => await load(top, settings));
    return problems.map((problem, index) => `${problem.file.split("/").slice(-1)[0] ?? ""} ${placed(problems)[index] ?? ""}`);
  };
  expect(await place("extends: deep/base.yaml\nfleet:\n  pool: { replicas: many }\n")).toEqual([
    'top.yaml 3:21 fleet.pool.replicas: must be a whole number, not "many"',
  ]);
  expect(await place("extends: deep/base.yaml\n", ["fleet.pool.kind=nothing"])).toEqual([
    '--set fleet.pool.kind=nothing -:- fleet.pool.kind: "nothing" is not one of vllm, hosted',
  ]);
  expect(await place("extends: deep/base.yaml\nfleet: { cloud: { profile: openai/gpt4o } }\n")).toEqual([
    'top.yaml 2:28 fleet.cloud.profile: there is no profile "openai/gpt4o"',
  ]);
  expect(await place("extends: deep/base.yaml\nconfig: { breaker: { failures: 3 } }\nroute: chat\n", ["config.routes.chat.deployments=[pol]"])).toEqual([
    '--set config.routes.chat.deployments=[pol] -:- config.routes.chat.deployments[0]: there is no deployment "pol"',
  ]);
  expect(await place("extends: deep/base.yaml\nconfig: { routes: { chat: { floorPercent: 1 } }, deployments: { pool: { weight: -1 } } }\n")).toEqual([
    "top.yaml 2:81 config.deployments.pool.weight: -1 is negative",
  ]);
  expect(await place("extends: deep/base.yaml\nfaults: [ { target: pool, kind: slow, at: 1s } ]\n")).toEqual(["top.yaml 2:11 faults[0].factor: is missing"]);
  expect(await place("extends: deep/base.yaml\n", ["fleet.pol.replicas=3"])).toEqual(["--set fleet.pol.replicas=3 -:- -: there is no fleet.pol"]);
  expect(await place("extends: deep/base.yaml\n", ["warmup=3s"])).toEqual(['--set warmup=3s -:- warmup: unknown key "warmup"']);
  expect(await place("extends: deep/base.yaml\n", ["faults.9.at=3s"])).toEqual(["--set faults.9.at=3s -:- -: the scenario has no place faults.9.at"]);
  expect(await place("extends: deep/base.yaml\n", ["faults"])).toEqual(["--set faults -:- -: is not a path and a value"]);
});

test("files that extend each other are found out", async () => {
  const problems = await problemsOf(async () => await load("extends: top.yaml\n"));
  expect(placed(problems)).toEqual(["1:10 extends: top.yaml extends this file itself"]);
});

test("changes of the configuration stand where they are written: paths are relative to that file, and problems name it", async () => {
  const changing = `${base}changes:\n  - { at: 1s, config: canary.yaml }\n  - { at: 2s, config: { breaker: { failures: 3 } } }\n`;
  const canary = config.replace("weighted", "least-busy");
  const folder = temporaryFolder({ ...files("extends: deep/base.yaml\nwarmUp: 2s\n"), "deep/base.yaml": changing, "deep/canary.yaml": canary });
  const load = async () => loadScenario(`${folder}/top.yaml`, {});
  const loaded = await load();
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  const [first, second] = loaded.compiled.changes ?? [];
  expect(first?.config.routes[0]?.strategy).toBe("least-busy");
  expect(second?.config.deployments[0]?.breaker.failures).toBe(3);

  writeFileSync(`${folder}/deep/canary.yaml`, canary.replace("least-busy", "round-robin"));
  const other = await load();
  expect(other.kind === "loaded" && other.sha256).not.toBe(loaded.sha256);

  writeFileSync(`${folder}/deep/base.yaml`, changing.replace("failures: 3", "failures: none"));
  const problems = await problemsOf(load);
  expect(problems).toMatchObject([{ file: `${folder}/deep/base.yaml`, line: 13, field: "changes[1].config.breaker.failures" }]);
});

test("a configuration that comes later as a file has as many endpoints as the fleet says, too", async () => {
  const changing = `${base.replace("{ kind: vllm }", "{ kind: vllm, replicas: 3 }")}changes:\n  - { at: 1s, config: canary.yaml }\n`;
  const canary = config.replace("endpoints: [http://h:1, http://h:2]", "weight: 2");
  const folder = temporaryFolder({ ...files("extends: deep/base.yaml\n"), "deep/base.yaml": changing, "deep/canary.yaml": canary });
  const loaded = await loadScenario(`${folder}/top.yaml`, {});
  if (loaded.kind !== "loaded") throw new Error(loaded.reason);
  expect(loaded.compiled.config.deployments[0]?.endpoints).toHaveLength(3);
  expect(loaded.compiled.changes?.[0]?.config.deployments[0]?.endpoints).toHaveLength(3);
});
