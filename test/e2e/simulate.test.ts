import path from "node:path";
import { expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { headgate } from "../support/headgate.ts";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const demo = readFileSync(path.join(projectRoot, "scenarios/demo.yaml"), "utf8").replace("../fixtures", path.join(projectRoot, "fixtures"));
const write = (text: string): string => path.join(temporaryFolder({ "try.yaml": text }), "try.yaml");

test("demo: exit code 0, five things that were seen, and what to do next", () => {
  const { status, stdout, stderr } = headgate(["demo"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain("verdict: pass");
  expect(stdout.match(/^\d\. /gm)).toHaveLength(5);
  expect(stdout).toContain("./headgate simulate scenarios/demo.yaml --seeds 5");
});

test("a broken target: exit code 1, named in the table and in the JSON", () => {
  const file = write(demo.replace("ttftP95Ms: { max: 2000 }", "ttftP95Ms: { max: 1 }"));
  const { status, stdout, stderr } = headgate(["simulate", file, "--out", temporaryFolder({})]);
  expect(status).toBe(1);
  expect(stdout).toMatch(/ttftP95Ms .*<= 1 .*fail/);
  expect(stderr).toMatch(/^simulated 600 requests in [\d.]+ s of CPU time: [\d,]+ a second\nresults are in .*try-[0-9a-f]{12}\n$/);
  const json = headgate(["simulate", file, "--json", "--out", temporaryFolder({})]);
  expect(json.status).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ version: 2, kind: "judged", verdict: "fail", seeds: [{ seed: 1 }] });
});

test("mixed over the seeds: exit code 3", () => {
  const values = (
    JSON.parse(headgate(["simulate", write(demo), "--seeds", "2", "--json", "--out", temporaryFolder({})]).stdout) as {
      seeds: { metrics: { ttftP95Ms: number } }[];
    }
  ).seeds.map(({ metrics }) => metrics.ttftP95Ms);
  const between = values.reduce((sum, value) => sum + value, 0) / values.length;
  const { status, stdout } = headgate([
    "simulate",
    write(demo.replace("ttftP95Ms: { max: 2000 }", `ttftP95Ms: { max: ${between} }`)),
    "--seeds",
    "2",
    "--out",
    temporaryFolder({}),
  ]);
  expect(status).toBe(3);
  expect(stdout).toContain("verdict: inconclusive");
});

test("bad input: exit code 2, every problem with its place", () => {
  const file = write(demo.replace("warmUp: 10s", "warmUp: 10").replace("seed:", "sed:").replace("weight: 35", "weight: -35"));
  const { status, stdout, stderr } = headgate(["simulate", file]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  const lines = demo.split("\n");
  const lineOf = (text: string): number => lines.findIndex((line) => line.includes(text)) + 1;
  expect(stderr).toContain(`${file}:${lineOf("warmUp")}:9: warmUp: the duration 10 has no unit\n  fix: write 10s or 10ms\n`);
  expect(stderr).toContain(`${file}:${lineOf("weight: 35")}:15: config.deployments.gpu-pool.weight: -35 is negative`);
  expect(headgate(["simulate", file, "--seeds", "0"])).toMatchObject({ status: 2 });
  expect(headgate(["simulate", "/no/such.yaml"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("/no/such.yaml: there is no such scenario file"),
  });
});

test("a trace that is not on this machine: said loudly, exit code 0", () => {
  const env = { HEADGATE_SHARED: "/no/such/folder" };
  const { status, stdout, stderr } = headgate(["simulate", "scenarios/azure-twin.yaml"], env);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^NOT APPLICABLE: azure-twin was not run: the trace .* \/no\/such\/folder does not exist/);
  expect(stdout).toMatch(/^verdict: not applicable/);
  const json = headgate(["simulate", "scenarios/azure-twin.yaml", "--json"], env);
  expect(JSON.parse(json.stdout)).toMatchObject({ kind: "not-applicable", verdict: "not-applicable", scenario: { name: "azure-twin" } });
});

test("config validate: what was read, or exit code 2", () => {
  const text =
    'deployments:\n  a: { provider: vllm, model: m, endpoints: [http://h:1], key: "${HEADGATE_TEST_KEY}" }\nroutes: { chat: { deployments: [a] } }\n';
  const file = write(text);
  expect(headgate(["config", "validate", file], { HEADGATE_TEST_KEY: "sk-very-secret" })).toMatchObject({
    status: 0,
    stdout: `${file} is valid: 1 route(s), 1 deployment(s), 1 endpoint(s)\n  route chat: weighted over a\n  price of a: not known: what it costs is counted as not known, never as zero (write price: { input: ..., output: ... })\n`,
  });
  expect(headgate(["config", "validate", file], { HEADGATE_TEST_KEY: "" })).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`${file}:2:64: deployments.a.key: the environment variable HEADGATE_TEST_KEY is not set`),
  });
  expect(headgate(["config", "validate", file, "--no-keys"])).toMatchObject({ status: 0 });
  const json = headgate(["config", "validate", file, "--json"], { HEADGATE_TEST_KEY: "sk-very-secret" });
  expect(JSON.parse(json.stdout)).toMatchObject({ valid: true, deployments: [{ name: "a", key: true, priced: false }] });
  expect(json.stdout).not.toContain("sk-very-secret");
});
