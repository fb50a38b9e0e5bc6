import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { execFileSync } from "node:child_process";
import { parquetReadObjects } from "hyparquet";
import { expect, test } from "vitest";
import { writeRun } from "../../../../simulator/run/run-folder.ts";
import { runWithRecords } from "../../../../simulator/run/run-scenario.ts";
import { loadScenario } from "../../../../simulator/scenario/load-scenario.ts";
import { projectRoot } from "../../../support/project-root.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

async function run(settings: readonly string[] = []) {
  const scenario = await loadScenario(path.join(projectRoot, "scenarios/demo.yaml"), {}, { settings });
  if (scenario.kind !== "loaded") throw new Error(scenario.reason);
  return { scenario, ...runWithRecords(scenario, { seeds: [1], strict: false, keeps: "series" }) };
}

test("the same run writes the same bytes to the same place, another one elsewhere", async () => {
  const folders = [temporaryFolder({}), temporaryFolder({})];
  const places: string[] = [];
  for (const folder of folders) {
    const { scenario, result, first } = await run();
    places.push(writeRun(folder, scenario, result, first, "csv"));
  }
  const [one = "", other = ""] = places;
  expect(path.basename(one)).toMatch(/^demo-[0-9a-f]{12}$/);
  expect(path.basename(one)).toBe(path.basename(other));
  expect(readdirSync(one).toSorted()).toEqual(["metrics.om", "requests.csv", "result.json", "series.csv"]);
  for (const name of readdirSync(one)) expect(readFileSync(path.join(one, name))).toEqual(readFileSync(path.join(other, name)));
  const changed = await run(["fleet.gpu-pool.replicas=3"]);
  expect(path.basename(writeRun(temporaryFolder({}), changed.scenario, changed.result, changed.first, null))).not.toBe(path.basename(one));
});

test("requests as Parquet are those of the CSV, and both those of the summary", async () => {
  const { scenario, result, first } = await run();
  const folder = temporaryFolder({});
  const place = writeRun(folder, scenario, result, first, "parquet");
  writeRun(folder, scenario, result, first, "csv");
  const bytes = readFileSync(path.join(place, "requests.parquet"));
  const rows = await parquetReadObjects({ file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
  const [header = "", ...lines] = readFileSync(path.join(place, "requests.csv"), "utf8").trim().split("\n");
  expect(lines).toHaveLength(600);
  expect(
    rows.map((row) =>
      Object.values(row)
        .map((value) => (value === null || value === undefined ? "" : String(value as string | number)))
        .join(","),
    ),
  ).toEqual(lines);
  const scheduled = header.split(",").indexOf("scheduledMs");
  const inWindow = lines.filter((line) => Number(line.split(",")[scheduled]) >= result.summary.window.fromMs);
  expect(inWindow).toHaveLength(result.summary.requests.scheduled);
});

test("the time series adds up to the run, as a whole and over the deployments", async () => {
  const { scenario, result, first } = await run();
  const place = writeRun(temporaryFolder({}), scenario, result, first, null);
  const [header = "", ...lines] = readFileSync(path.join(place, "series.csv"), "utf8").trim().split("\n");
  const names = header.split(",");
  const sum = (column: string, whole: boolean): number =>
    lines
      .map((line) => line.split(","))
      .filter((cells) => (cells[1] === "") === whole)
      .reduce((total, cells) => total + Number(cells[names.indexOf(column)]), 0);
  for (const whole of [true, false]) {
    expect(sum("arrived", whole)).toBe(600);
    expect(sum("served", whole) + sum("cut", whole)).toBe(600);
  }
  expect(sum("dollars", true)).toBeCloseTo(sum("dollars", false), 9);
  expect(sum("faultsActive", true)).toBe(30);
});

test("OpenMetrics: blocks of one family, in order of time, counters that never fall, and the totals of the run", async () => {
  const { scenario, result, first } = await run();
  const place = writeRun(temporaryFolder({}), scenario, result, first, null);
  const text = readFileSync(path.join(place, "metrics.om"), "utf8");
  const { families, last } = checkOpenMetrics(text);
  expect(families).toContain("vllm:kv_cache_usage_perc");
  const served = [...last].filter(([series]) => series.startsWith("router_requests_total") && series.includes('result="served"'));
  const count = result.deployments.length;
  expect(served.length).toBe(count);
  expect([...last].filter(([series]) => series.startsWith("router_requests_total")).reduce((sum, [, value]) => sum + value, 0)).toBe(600);
  expect(last.get("router_request_duration_seconds_count")).toBe(600);
  const openings = result.breakers.reduce((sum, breaker) => sum + breaker.openings, 0);
  expect(openings).toBeGreaterThan(0);
  expect([...last].filter(([series]) => series.startsWith("router_breaker_openings_total")).reduce((sum, [, value]) => sum + value, 0)).toBe(openings);
  // Only vLLM servers are probed unless a path is given; the one that was down was taken out.
  expect(result.probes?.map(({ endpoint }) => endpoint)).toEqual(["gpu-pool/0", "gpu-pool/1"]);
  const [well, down] = result.probes ?? [];
  expect([well?.unhealthy, well?.takenOut, down?.takenOut]).toEqual([0, 0, 1]);
  expect(down?.unhealthy).toBeGreaterThanOrEqual(5);
  const probes = [...last].filter(([series]) => series.startsWith("router_probes_total"));
  expect(probes).toHaveLength(4);
  const inFile = probes.reduce((sum, [, value]) => sum + value, 0);
  const inResult = (result.probes ?? []).reduce((sum, { healthy, unhealthy }) => sum + healthy + unhealthy, 0);
  // The last sample is taken before the last probes are answered.
  expect(inFile).toBeGreaterThan(0.9 * inResult);
  expect(inFile).toBeLessThanOrEqual(inResult);
  expect([...last].filter(([series]) => series.startsWith("router_endpoint_healthy")).map(([, value]) => value)).toEqual([1, 1]);
});

/** What `promtool tsdb create-blocks-from openmetrics` insists on, and more: values of counters never fall. */
function checkOpenMetrics(text: string): { readonly families: readonly string[]; readonly last: ReadonlyMap<string, number> } {
  const lines = text.split("\n");
  expect(lines.slice(-2)).toEqual(["# EOF", ""]);
  const families: string[] = [];
  const last = new Map<string, number>();
  const lastAt = new Map<string, number>();
  let previous = "";
  for (const line of lines.slice(0, -2)) {
    const [, , name = "", type] = /^# (TYPE|HELP) (\S+) (.*)$/.exec(line) ?? [];
    if (name !== "") {
      if (line.startsWith("# TYPE")) {
        expect(families).not.toContain(name);
        families.push(name);
        expect(["counter", "gauge", "histogram"]).toContain(type);
      }
      continue;
    }
    const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^}]*\})?) (\S+) (\d+(?:\.\d+)?)$/.exec(line);
    expect(match, line).not.toBeNull();
    const [, series = "", value, at] = match ?? [];
    expect(series.startsWith(families.at(-1) ?? "-")).toBe(true);
    if (series !== previous) expect(lastAt.has(series), `${series} comes in two blocks`).toBe(false);
    expect(Number(at)).toBeGreaterThan(lastAt.get(series) ?? 0);
    if (!/^(vllm:|router_breaker_state|router_endpoint_healthy)/.test(series)) expect(Number(value)).toBeGreaterThanOrEqual(last.get(series) ?? 0);
    last.set(series, Number(value));
    lastAt.set(series, Number(at));
    previous = series;
  }
  return { families, last };
}

test("promtool makes blocks of it, where it is installed", async (context) => {
  try {
    execFileSync("promtool", ["--version"], { stdio: "ignore" });
  } catch {
    context.skip("promtool is not installed");
  }
  const { scenario, result, first } = await run();
  const folder = temporaryFolder({});
  const place = writeRun(folder, scenario, result, first, null);
  const told = execFileSync("promtool", ["tsdb", "create-blocks-from", "openmetrics", path.join(place, "metrics.om"), path.join(folder, "tsdb")], {
    encoding: "utf8",
  });
  expect(told).toContain("BLOCK ULID");
});
