import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { drawFeatures, drawnNames } from "../../../../simulator/core/workload/draw-features.ts";
import { defaultFormatOptions } from "../../../../simulator/trace/trace-format.ts";
import { detectFormat } from "../../../../simulator/trace/trace-formats.ts";
import { type ReadOptions, type ReadTrace, readTrace } from "../../../../simulator/trace/trace-reader.ts";
import type { TraceRow } from "../../../../simulator/trace/trace-row.ts";
import { problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

interface Read extends ReadTrace {
  readonly format: string;
  readonly rows: readonly TraceRow[];
}

async function read(lines: readonly string[], options: Partial<ReadOptions> = {}): Promise<Read> {
  const file = path.join(temporaryFolder(), "trace");
  writeFileSync(file, lines.join("\n"));
  const rows: TraceRow[] = [];
  const format = await detectFormat(file);
  const result = await readTrace(
    file,
    format,
    { ...defaultFormatOptions, itemsMax: Infinity, ...options },
    { row: (row) => rows.push(row), session: () => {} },
  );
  return { ...result, rows, format: format.name };
}

test("LiteLLM spend logs: quoted JSON in cells, out of order, failures left out, tenant and session", async () => {
  const { format, rows, notes } = await read([
    "request_id,startTime,model_group,team_id,session_id,metadata,prompt_tokens,completion_tokens",
    'a,2026-01-31 12:00:02.5,gpt,red,s1,"{""k"": ""v, w""}",100,10',
    "b,2026-01-31 12:00:01,gpt,blue,,{},200,20",
    "c,2026-01-31 12:00:01.5,gpt,blue,,{},0,0",
  ]);
  expect(format).toBe("litellm");
  expect(rows.map(({ atUs, inputTokens, tenant, session, route }) => [atUs, inputTokens, tenant, session, route])).toEqual([
    [0, 200, "blue", null, "gpt"],
    [1_500_000, 100, "red", "s1", "gpt"],
  ]);
  expect(notes.join()).toContain("1 rows left out");
});

test("OpenTelemetry: several spans a line, others left out, conversation and model", async () => {
  const span = (start: string, attributes: Readonly<Record<string, string | number>>): unknown => ({
    startTimeUnixNano: start,
    attributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
    })),
  });
  const usage = { "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 7, "gen_ai.conversation.id": "c1", "gen_ai.request.model": "m" };
  const spans = [
    span("1769860801000000500", usage),
    span("1769860800000000000", { ...usage, "gen_ai.usage.input_tokens": 50 }),
    span("1769860800000000000", { "http.method": "GET" }),
  ];
  const { format, rows, notes, originUs } = await read([JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })]);
  expect(format).toBe("opentelemetry");
  expect(rows.map(({ atUs, inputTokens, session, route }) => [atUs, inputTokens, session, route])).toEqual([
    [0, 50, "c1", "m"],
    [1_000_000.5, 100, "c1", "m"],
  ]);
  expect(originUs).toBe(1_769_860_800_000_000);
  expect(notes).toEqual(["1 spans without token usage left out"]);
});

test("any columns: tabs and semicolons, units by name, by size, and as told; features", async () => {
  const at = async (header: string, values: readonly string[], options: Partial<ReadOptions> = {}): Promise<readonly number[]> =>
    (await read([`${header};in;out`, ...values.map((value) => `${value};10;1`)], options)).rows.map(({ atUs }) => atUs);
  expect(await at("time_ms", ["5", "7.5"])).toEqual([0, 2500]);
  expect(await at("timestamp", ["1769860800000", "1769860800250"])).toEqual([0, 250_000]);
  expect(await at("timestamp", ["1769860800000000000", "1769860800000256000"])).toEqual([0, 256]);
  expect(await at("timestamp", ["1", "2"])).toEqual([0, 1_000_000]);
  expect(await at("timestamp", ["1", "2"], { timeUnit: "ms" })).toEqual([0, 1000]);
  const { rows, blockTokens } = await read(["ts\tprompt_tokens\tcompletion_tokens\tuser\ttask\ttools\thash_ids", "1\t10\t2\tu\tcode\ttrue\t[1, 2]"]);
  expect(blockTokens).toBe(16);
  expect(rows[0]).toMatchObject({ tenant: "u", blocks: [1, 2], features: { task: "code", tools: true } });
});

test("JSON lines may leave out what they do not know, the first one too; a list of requests is told how to become lines", async () => {
  const lines = [
    '{"ts": 1, "prompt_tokens": 10, "completion_tokens": 2}',
    '{"ts": 2, "prompt_tokens": 11, "completion_tokens": 3, "team": "red", "batchable": true}',
    '{"ts": 3, "prompt_tokens": 12, "completion_tokens": 4, "session_id": "s", "user": "ann"}',
  ];
  const { rows, notes } = await read(lines);
  expect(rows.map(({ tenant, session, features }) => [tenant, session, features])).toEqual([
    [null, null, null],
    ["red", null, { batchable: true }],
    [null, "s", null],
  ]);
  expect(notes).toContain("columns: at=ts, input=prompt_tokens, output=completion_tokens, tenant=team, batchable=batchable, session=session_id");
  expect(await problemsOf(async () => read([`[${lines.join(",")}]`]))).toMatchObject([
    { line: 1, fix: "write one JSON object per line (of a JSON array: jq -c '.[]')" },
  ]);
});

test("what is no text is told by its name, not by its columns", async () => {
  for (const [bytes, what] of [
    ["PAR1....", "Parquet"],
    ["PK\u0003\u0004....", "a zip archive"],
    ["\u00ff\u00fet\u0000s\u0000", "UTF-16"],
    ["(\u00b5/\u00fd....", "packed with zstd"],
  ] as const) {
    const file = path.join(temporaryFolder(), "trace");
    writeFileSync(file, Buffer.from(bytes, "latin1"));
    const reading = async () =>
      readTrace(file, await detectFormat(file), { ...defaultFormatOptions, itemsMax: Infinity }, { row: () => {}, session: () => {} });
    expect((await problemsOf(reading)).map(({ message }) => message)).toEqual([expect.stringContaining(what)]);
  }
});

test("features of our own form are checked, and all of them come back", async () => {
  const header = '{"headgate":"trace","version":1}';
  const features = { task: "code", complexity: 0.5, modality: "image", tools: true, latencyMs: 200, urgent: false, batchable: true, qualityFloor: 0.7 };
  const lineOf = (f: unknown): string => JSON.stringify({ t: 0, i: 1, o: 1, f });
  expect((await read([header, lineOf(features)])).rows[0]?.features).toEqual(features);
  for (const [wrong, field] of [
    [{ task: "dance" }, "f.task"],
    [{ qualityFloor: 7 }, "f.qualityFloor"],
    [{ colour: "red" }, "f"],
    ["code", "f"],
  ] as const)
    expect(await problemsOf(async () => read([header, lineOf(wrong)]))).toMatchObject([{ line: 2, field }]);
});

test("jitter spreads the rows of a slot within it, in their order, and not beyond the next slot", async () => {
  const lines = [0, 0, 0, 0, 0, 3000, 3000, 3000, 4000].map(
    (at, place) => `{"timestamp": ${at}, "input_length": ${place + 1}, "output_length": 1, "hash_ids": [0]}`,
  );
  const options = { jitter: { withinUs: 3_000_000, seed: 7 } };
  const { rows, notes } = await read(lines, options);
  expect(rows.map(({ inputTokens }) => inputTokens)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(rows.every(({ atUs }, place) => place === 0 || atUs >= (rows[place - 1]?.atUs ?? 0))).toBe(true);
  expect(rows.slice(0, 5).every(({ atUs }) => atUs < 3_000_000)).toBe(true);
  expect(rows.slice(5, 8).every(({ atUs }) => atUs >= 3_000_000 && atUs < 4_000_000)).toBe(true);
  expect(new Set(rows.map(({ atUs }) => atUs)).size).toBe(9);
  expect(notes).toEqual(["rows of one instant are spread over 3 s, seed 7"]);
  expect((await read(lines, options)).rows).toEqual(rows);
  expect((await read(lines, { jitter: { withinUs: 3_000_000, seed: 8 } })).rows).not.toEqual(rows);
});

test("features: what the trace knows wins, one feature more shifts no other, shares come out", () => {
  const mix = { task: { chat: 3, code: 1 }, tools: 0.25, complexity: { from: 0.2, to: 0.4 } };
  const all = Array.from({ length: 4000 }, (_, serial) => drawFeatures(null, mix, 9, serial));
  expect(all.filter(({ task }) => task === "code").length / 4000).toBeCloseTo(0.25, 1);
  expect(all.filter(({ tools }) => tools === true).length / 4000).toBeCloseTo(0.25, 1);
  expect(all.every(({ complexity = 0 }) => complexity >= 0.2 && complexity <= 0.4)).toBe(true);
  expect(Array.from({ length: 4000 }, (_, serial) => drawFeatures(null, { ...mix, urgent: 0.5 }, 9, serial).task)).toEqual(all.map(({ task }) => task));
  expect(drawFeatures({ task: "reason" }, mix, 9, 1)).toMatchObject({ task: "reason", tools: all[1]?.tools });
  expect(drawnNames({ task: "reason" }, mix)).toEqual(["tools", "complexity"]);
});
