import path from "node:path";
import { expect, test } from "vitest";
import { portsIn } from "../../../../router/config/environment-config.ts";
import { loadConfig } from "../../../../router/config/load-config.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** What the configuration is told to have wrong, in words that say what to write. */
const problems = async (text: string) => problemsOf(() => loadConfig(path.join(temporaryFolder({ "headgate.yaml": text }), "headgate.yaml"), {}));
const pool = "deployments:\n  pool: { provider: vllm, model: m, endpoints: [http://h:1]";
const chat = "\nroutes:\n  chat: { deployments: [pool] }\n";

test("names of a certain form: what is wrong is said in our words", async () => {
  const found = await problems(
    `${pool}, tags: ["bad tag!", 5], region: "a b", zone: [x, "y z"], probe: { path: health } }\n  two: { provider: vllm, model: m, endpoints: [http://h:2], zone: 5 }\nroutes:\n  chat: { deployments: [pool], aliases: ["a b"] }\n`,
  );
  expect(placed(found).map((line) => line.replace(/^\S+ /, ""))).toEqual([
    'deployments.pool.tags[0]: "bad tag!" is no name',
    "deployments.pool.tags[1]: must be a text, not 5",
    'deployments.pool.region: "a b" is no name',
    'deployments.pool.zone: "y z" is no name',
    'deployments.pool.probe.path: "health" is no path',
    "deployments.two.zone: must be a name or a list of names, not 5",
    'routes.chat.aliases[0]: "a b" is no name of a model',
  ]);
  for (const { fix } of found) expect(fix).toMatch(/^(write|use|put) /);
});

test("what is missing is named with what it is; nothing refers to documentation", async () => {
  const found = await problems(`${pool} }${chat}tls: {}\nstate: {}\nlisten: { fastLane: "yes" }\n`);
  expect(found.map(({ field, message, fix }) => `${field}: ${message}; ${fix}`)).toEqual([
    "tls.cert: is missing; add cert: give a text (PEM file of the certificate chain, relative to the configuration)",
    "tls.key: is missing; add key: give a text (PEM file of its key)",
    "state.folder: is missing; add folder: give a text (Relative to the configuration; one process writes into it)",
    'listen.fastLane: must be true or false, not "yes"; write true or false',
  ]);
  expect((await problems("")).map(({ fix }) => fix)).toEqual([
    expect.stringContaining("add deployments: NAME: { provider: ..., model: ..."),
    expect.stringContaining("add routes: NAME: { deployments: [NAME] }"),
  ]);
});

test("a scenario is called one", async () => {
  const [found, ...others] = await problems("trace: { format: azure, file: a.csv }\nconfig: other.yaml\nfleet: {}\n");
  expect(found).toMatchObject({ line: 1, column: 1, field: "trace", message: "this is a scenario of the simulator, not a configuration" });
  expect(found?.fix).toMatch(/^run it: headgate simulate \S+headgate.yaml; /);
  expect(others).toEqual([]);
});

test("what may be a key is not repeated, wherever it stands", async () => {
  for (const key of ["sk-proj-abcdef123456", "${sk-proj-abcdef123456}", "{ env: sk-proj-abcdef123456 }"]) {
    const found = await problems(`${pool}, key: ${key.startsWith("{") ? key : JSON.stringify(key)} }${chat}`);
    expect(found).toHaveLength(1);
    expect(JSON.stringify(found)).not.toContain("abcdef");
  }
});

test("a mistake among the breaker's defaults is told once, where it stands", async () => {
  const two = `${pool} }\n  two: { provider: vllm, model: m, endpoints: [http://h:2], breaker: { rate: { normalPercent: 30 } } }${chat}`;
  expect(placed(await problems(`${two}breaker: { rate: { normalPercent: 25 } }\n`))).toEqual([
    "3:78 deployments.two.breaker.rate: failingPercent 20 is not above normalPercent 30",
    "6:18 breaker.rate: failingPercent 20 is not above normalPercent 25",
  ]);
});

test("one model in two projects or places is two endpoints", async () => {
  const vertex = (project: string, place: string): string =>
    `{ provider: vertex, model: m, project: ${project}, location: ${place}, endpoints: [https://private.example], key: { google: default }, price: unknown }`;
  const file = `deployments:\n  a: ${vertex("p1", "europe-west1")}\n  b: ${vertex("p2", "europe-west1")}\n  c: ${vertex("p2", "us-east1")}\nroutes:\n  chat: { deployments: [a, b, c] }\n`;
  expect(await problems(file)).toEqual([]);
  expect(placed(await problems(file.replace("p1", "p2")))).toEqual([expect.stringContaining("stands here twice")]);
});

test("origins as browsers send them, days that there are, files by where they are named", async () => {
  const found = await problems(
    `${pool}, priceChanges: [{ from: 2026-02-30T00:00:00Z, price: { input: 1, output: 1 } }] }${chat}cors: { origins: ["https://app.example/", app.example, "https://App.example:443", "null", "*", "https://app.example", "http://localhost:3000", "capacitor://localhost"] }\n`,
  );
  expect(found.map(({ field, message, fix }) => `${field}: ${message}; ${fix}`)).toEqual([
    'deployments.pool.priceChanges[0].from: "2026-02-30T00:00:00Z" is no instant; write 2026-04-01T00:00:00Z',
    'cors.origins[0]: "https://app.example/" is no origin as browsers send it; write https://app.example',
    'cors.origins[1]: "app.example" is no origin as browsers send it; write https://app.example, with the port where it is not the usual one, and no path; or *',
    'cors.origins[2]: "https://App.example:443" is no origin as browsers send it; write https://app.example',
    'cors.origins[3]: "null" is no origin as browsers send it; write https://app.example, with the port where it is not the usual one, and no path; or *',
  ]);
  const [missing] = await problems(`${pool} }${chat}prices: { file: ours.yaml }\n`);
  expect(missing).toMatchObject({ message: "there is no such price catalogue file", fix: "check prices.file: its path is relative to the configuration" });
});

test("ports of the environment: each named by its variable", async () => {
  expect(portsIn({})).toEqual({ callers: 8080, metrics: 9090 });
  expect(portsIn({ PORT: "0", METRICS_PORT: "0" })).toEqual({ callers: 0, metrics: 0 });
  expect(placed(await problemsOf(() => portsIn({ PORT: "x" })))).toEqual(['-:- PORT: "x" is no port']);
  expect(placed(await problemsOf(() => portsIn({ PORT: "9090" })))).toEqual(["-:- METRICS_PORT: 9090 is the port that callers use too"]);
});
