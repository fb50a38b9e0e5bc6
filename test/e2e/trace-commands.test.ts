import { existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { spawn } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { headgate } from "../support/headgate.ts";
import { projectRoot } from "../support/project-root.ts";
import { sharedFolder } from "../support/shared-folder.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const shared = sharedFolder();
const rows = ["ts,tenant,session,prompt_tokens,completion_tokens", "0.5,a,s1,100,10", "1,b,s2,200,20", "61,a,s1,300,30", "125,a,s3,400,0"];

function traceIn(folder: string, lines: readonly string[] = rows): string {
  const file = path.join(folder, "trace.csv");
  writeFileSync(file, lines.join("\n"));
  return file;
}

test("inspect: any CSV, as text with a chart and as JSON", () => {
  const file = traceIn(temporaryFolder());
  const text = headgate(["trace", "inspect", file]);
  expect(text.status).toBe(0);
  expect(text.stdout).toContain("4 requests in 2 min 5 s");
  const json = headgate(["trace", "inspect", file, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    rows: 4,
    span_s: 124.5,
    per_minute: [2, 1, 1],
    input: { sum: 1000 },
    without_output: 1,
    tenants: { tenants: 2 },
    sessions: { sessions: 3 },
  });
});

test("what cannot be read or written is bad usage, told before the work", () => {
  const file = traceIn(temporaryFolder());
  const nowhere = path.join(temporaryFolder(), "none", "out.json");
  for (const [args, said] of [
    [["fit", file, "-o", nowhere], "--out: cannot be written to"],
    [["from-prometheus", "http://127.0.0.1:1", "-o", nowhere], "--out: cannot be written to"],
    [["from-prometheus", "nonsense", "-o", file], "is not an http address"],
    [["download", "azure2023-code", "--check", nowhere], "cannot be read (ENOENT)"],
    [["inspect", file, "--format", "litellm", "--map", "at=ts"], "--map: is only for the format columns"],
  ] as const) {
    const ended = headgate(["trace", ...args]);
    expect(ended.stderr).toContain(said);
    expect(ended.status).toBe(2);
  }
});

test("columns with other names are named by --map; a wrong field and a wrong format are bad usage", () => {
  const folder = temporaryFolder();
  const file = traceIn(folder, ["wann,rein,raus", "2026-01-31T12:00:00Z,10,1", "2026-01-31T12:00:01Z,20,2"]);
  const asked = headgate(["trace", "inspect", file, "--json", "--map", "at=wann,input=rein,output=raus"]);
  expect(JSON.parse(asked.stdout)).toMatchObject({ rows: 2, first_at: "2026-01-31T12:00:00.000Z" });
  const unmapped = headgate(["trace", "inspect", file]);
  expect(unmapped.status).toBe(2);
  expect(unmapped.stderr).toContain("--map at=COLUMN");
  expect(headgate(["trace", "inspect", file, "--map", "ata=wann"]).status).toBe(2);
  const wrong = headgate(["trace", "inspect", file, "--format", "azur"]);
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toContain('did you mean "azure"?');
});

test("a bad row: file, line, column, value, fix, exit code 2; and no file is written", () => {
  const folder = temporaryFolder();
  const file = traceIn(folder, [...rows.slice(0, 3), "61,a,s1,-300,30"]);
  const out = path.join(folder, "out.jsonl");
  const asked = headgate(["trace", "import", file, "-o", out, "--json"]);
  expect(asked.status).toBe(2);
  expect(JSON.parse(asked.stdout)).toMatchObject({
    problems: [{ file, line: 4, column: 9, field: "prompt_tokens", message: expect.stringContaining("-300"), fix: expect.stringMatching(/./) }],
  });
  expect(existsSync(out)).toBe(false);
});

test("import and slice: by time, by session, by tenant, never by row", () => {
  const folder = temporaryFolder();
  const file = traceIn(folder);
  const out = path.join(folder, "out.jsonl.gz");
  const kept = (...args: readonly string[]): unknown => {
    const asked = headgate(["trace", ...args, "-o", out, "--json"]);
    expect(asked.stderr).toBe("");
    const figures = JSON.parse(headgate(["trace", "inspect", out, "--json"]).stdout) as { rows: number; per_minute: readonly number[]; input: { sum: number } };
    return [figures.rows, figures.per_minute, figures.input.sum];
  };
  expect(kept("import", file)).toEqual([4, [2, 1, 1], 1000]);
  expect(kept("slice", file, "--from", "1m", "--until", "2m")).toEqual([1, [1], 300]);
  expect(kept("slice", file, "--sessions", "s1,s3")).toEqual([3, [1, 1, 1], 800]);
  expect(kept("slice", file, "--tenants", "b")).toEqual([1, [1], 200]);
  const nothing = headgate(["trace", "slice", file, "--tenants", "nobody", "-o", path.join(folder, "none")]);
  expect(nothing.status).toBe(2);
  expect(existsSync(path.join(folder, "none"))).toBe(false);
  expect(headgate(["trace", "slice", file, "--rows", "3", "-o", out]).status).toBe(2);
});

test("download: the list, an address without a network, a checksum", () => {
  const list = JSON.parse(headgate(["trace", "download", "--json"]).stdout) as readonly { name: string; url: string; licence: string }[];
  expect(list.length).toBeGreaterThan(5);
  expect(list.every(({ url, licence }) => url.startsWith("https://") && licence !== "")).toBe(true);
  const asked = headgate(["trace", "download", "mooncake-conversation", "--list"]);
  expect(asked.stdout).toMatch(/curl -LO https:.*\n.*Apache-2.0/);
  const file = traceIn(temporaryFolder());
  const checked = headgate(["trace", "download", "azure2023-code", "--check", file]);
  expect(checked.status).toBe(1);
  expect(headgate(["trace", "download", "azure-2023-code", "--list"]).stderr).toContain('did you mean "azure2023-code"?');
});

test.skipIf(shared === null)("fit, generate, and Poisson arrivals that are not accepted", () => {
  const folder = temporaryFolder();
  const source = path.join(shared ?? "", "traces/azure2023_conv.csv.gz");
  const model = path.join(folder, "model.json");
  const fitted = headgate(["trace", "fit", source, "-o", model, "--json"]);
  expect(fitted.status).toBe(0);
  const result = JSON.parse(fitted.stdout) as { accepted: boolean; seeds: readonly { accepted: boolean; criteria: readonly { name: string }[] }[] };
  expect(result.seeds.map(({ accepted }) => accepted)).toEqual([true, true]);
  expect(result.seeds[0]?.criteria.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["requests per minute, p90", "dispersion at 1 s", "dispersion at 300 s", "input tokens, p95"]),
  );
  const poisson = headgate(["trace", "fit", source, "--arrivals", "poisson", "-o", path.join(folder, "none.json"), "--json"]);
  expect(poisson.status).toBe(1);
  expect(existsSync(path.join(folder, "none.json"))).toBe(false);
  const out = path.join(folder, "day.jsonl.gz");
  expect(headgate(["trace", "generate", model, "--duration", "2h", "--rate", "0.5", "-o", out]).status).toBe(0);
  const figures = JSON.parse(headgate(["trace", "inspect", out, "--json"]).stdout) as { rows: number; per_minute: readonly number[] };
  expect(figures.per_minute.length).toBe(120);
  expect(figures.rows / 19_366).toBeCloseTo(1, 0);
});

test("from-prometheus: rates and histograms become a model", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://prometheus");
    const query = url.searchParams.get("query") ?? "";
    asked.push(query);
    const buckets = [
      ["100", "50"],
      ["1000", "90"],
      ["+Inf", "100"],
    ].map(([le, count]) => ({ metric: { le }, value: [0, count] }));
    const start = Number(url.searchParams.get("start"));
    const minutes = Array.from({ length: 30 }, (_, minute) => [start + 60 * minute, String(100 + minute)]);
    const result = url.pathname.endsWith("query_range") ? [{ metric: {}, values: minutes }] : buckets;
    response.end(JSON.stringify({ status: "success", data: { resultType: "x", result } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const folder = temporaryFolder();
  const model = path.join(folder, "model.json");
  const { port } = server.address() as AddressInfo;
  const args = [
    "trace",
    "from-prometheus",
    `http://127.0.0.1:${port}`,
    "--last",
    "30m",
    "--until",
    "2026-01-31T12:00:00Z",
    "--model",
    "m",
    "-o",
    model,
    "--json",
  ];
  const { status, stdout } = await run(args);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ minutes: 30, requests: 3435 });
  expect(asked.every((query) => query.includes('{model_name="m"}'))).toBe(true);
  const { envelope, sample } = JSON.parse(readFileSync(model, "utf8")) as { envelope: readonly number[]; sample: readonly (readonly number[])[] };
  expect(envelope).toEqual(Array.from({ length: 30 }, (_, minute) => 100 + minute));
  const inputs = sample.map(([input = 0]) => input).toSorted((one, other) => one - other);
  expect(inputs[inputs.length / 2]).toBeCloseTo(100, -1);
  expect(inputs.at(-1)).toBe(1000);
  const out = path.join(folder, "out.jsonl");
  expect(headgate(["trace", "generate", model, "--duration", "30m", "-o", out]).status).toBe(0);
  const nobody = await run(["trace", "from-prometheus", "http://127.0.0.1:9", "-o", path.join(folder, "none")]);
  expect(nobody.status).toBe(2);
});

test("a million rows stream through inspect; memory does not grow with the file", { timeout: 60_000 }, async () => {
  const file = path.join(temporaryFolder(), "big.csv");
  const descriptor = openSync(file, "w");
  writeSync(descriptor, "arrival_s,tenant,input_tokens,output_tokens\n");
  for (let part = 0; part < 100; part += 1) {
    writeSync(
      descriptor,
      Array.from({ length: 10_000 }, (_, place) => `${part * 1000 + place / 10},t${place % 97},${1 + ((place * 7919) % 30_000)},${place % 500}\n`).join(""),
    );
  }
  const { status, stdout, peakMb } = await run(["trace", "inspect", file, "--json"]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ rows: 1_000_000, tenants: { tenants: 97 } });
  process.stderr.write(`a million rows: at most ${peakMb} MB\n`);
  expect(peakMb).toBeLessThan(400);
});

/** Without blocking this process, which may be the server; watches the child's memory where the system shows it. */
async function run(args: readonly string[]): Promise<{ readonly status: number | null; readonly stdout: string; readonly peakMb: number }> {
  const child = spawn(process.execPath, [path.join(projectRoot, "headgate.ts"), ...args], { cwd: projectRoot, stdio: ["ignore", "pipe", "ignore"] });
  let stdout = "";
  let peakMb = 0;
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  const watch = setInterval(() => {
    const file = `/proc/${child.pid ?? 0}/status`;
    if (existsSync(file)) peakMb = Math.max(peakMb, Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(file, "utf8"))?.[1] ?? 0) / 1024));
  }, 50);
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearInterval(watch);
  return { status, stdout, peakMb };
}
