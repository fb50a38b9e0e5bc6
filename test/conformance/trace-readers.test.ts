import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { InputError, type Problem } from "../../router/config/problem.ts";
import { defaultFormatOptions } from "../../simulator/trace/trace-format.ts";
import { detectFormat, formatNamed, traceFormatNames } from "../../simulator/trace/trace-formats.ts";
import { readTrace } from "../../simulator/trace/trace-reader.ts";
import type { TraceRow } from "../../simulator/trace/trace-row.ts";
import { TraceWriter } from "../../simulator/trace/trace-writer.ts";
import { problemsOf } from "../support/problems-of.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type TraceSample, traceSamples } from "../support/trace-samples.ts";

const options = { ...defaultFormatOptions, itemsMax: Infinity };

function fileOf(sample: TraceSample, lines: readonly string[]): string {
  const file = path.join(temporaryFolder(), "trace");
  writeFileSync(file, [...(sample.header === null ? [] : [sample.header]), ...lines].join("\n"));
  return file;
}

async function problemsIn(sample: TraceSample, lines: readonly string[], header = sample.header): Promise<readonly Problem[]> {
  const file = fileOf({ ...sample, header }, lines);
  const problems = await problemsOf(async () => await readTrace(file, formatNamed(sample.format), options, { row: () => {}, session: () => {} }));
  for (const problem of problems) expect(problem).toMatchObject({ file, message: expect.stringMatching(/./), fix: expect.stringMatching(/./) });
  return problems;
}

const good = (sample: TraceSample): readonly string[] => sample.times.map((at, place) => sample.line(at, String(150 + place), "44"));
/** The second of three lines is bad, and its line, counted from 1, is told. */
const withBad = (sample: TraceSample, bad: string): readonly string[] => good(sample).map((line, place) => (place === 1 ? bad : line));
const badLine = (sample: TraceSample): number => (sample.header === null ? 2 : 3);

test("every format has samples", () => {
  expect(new Set(traceSamples.map(({ format }) => format))).toEqual(new Set(traceFormatNames));
});

for (const [place, sample] of traceSamples.entries()) {
  describe(`${sample.format} (${place})`, () => {
    const [, second] = sample.times;
    const expectPlace = (problems: readonly Problem[], what: RegExp): void => {
      expect(problems.length).toBeGreaterThan(0);
      const problem = problems.find(({ line }) => line === badLine(sample));
      expect(problem, JSON.stringify(problems)).toBeDefined();
      expect(problem?.column).toBeGreaterThan(0);
      expect(problem?.message).toMatch(what);
    };

    test("good lines are read, and known by the first", async () => {
      const file = fileOf(sample, good(sample));
      const rows: TraceRow[] = [];
      let sessions = 0;
      const read = await readTrace(file, formatNamed(sample.format), options, { row: (row) => rows.push(row), session: () => (sessions += 1) });
      expect((await detectFormat(file)).name).toBe(sample.format);
      if (sample.nested === true) expect(rows.length + sessions).toBeGreaterThan(2);
      else {
        expect(rows.map(({ inputTokens, outputTokens }) => [inputTokens, outputTokens])).toEqual([150, 151, 152].map((tokens) => [tokens, 44]));
        expect(rows[0]?.atUs).toBe(0);
        expect(read.items).toBe(3);
      }
    });

    test("a line that is cut off", async () => {
      const line = sample.line(second, "150", "44");
      expectPlace(await problemsIn(sample, withBad(sample, line.slice(0, line.lastIndexOf(line.startsWith("{") ? "}" : ",")))), /./);
    });

    test("a file that is cut off in the middle of its last line", async () => {
      const lines = good(sample);
      const last = lines.at(-1) ?? "";
      const cut = last.slice(0, last.lastIndexOf(last.startsWith("{") ? "}" : ","));
      const [problem] = await problemsIn(sample, [...lines.slice(0, -1), cut]);
      expect(problem?.line).toBe(badLine(sample) + 1);
    });

    test("a column that is not there", async () => {
      const [name, wrong] = sample.misspelt;
      const problems =
        sample.header?.includes(name) === true
          ? await problemsIn(sample, good(sample), sample.header.replace(name, wrong))
          : await problemsIn(
              sample,
              good(sample).map((line) => line.replace(name, wrong)),
            );
      expect(problems[0]?.line).toBe(sample.header === null || sample.header.includes(name) ? 1 : 2);
      expect(problems[0]?.field ?? "").not.toBe("");
    });

    test("rows that are out of order", async () => {
      const lines = withBad(sample, sample.line(sample.earlier, "150", "44"));
      if (sample.reorders === true) expect(await problemsOrNone(sample, lines)).toEqual([]);
      else expectPlace(await problemsIn(sample, lines), /earlier|not after/);
    });

    test.each(["NaN", "-5", "999999999999", "1.5"])("%s tokens", async (value) => {
      expectPlace(await problemsIn(sample, withBad(sample, sample.line(second, value, "44"))), /NaN|-5|999999999999|1\.5/);
    });

    test("NaN, negative and huge instants", async () => {
      for (const value of ["NaN", sample.negative, sample.huge]) {
        const problems = await problemsIn(sample, withBad(sample, sample.line(value, "150", "44")));
        expect(problems.length, value).toBeGreaterThan(0);
        expect(
          problems.some(({ line }) => line === badLine(sample) || line === badLine(sample) + 1),
          `${value}: ${JSON.stringify(problems)}`,
        ).toBe(true);
      }
    });

    test("an instant in another unit", async () => {
      const problems = await problemsIn(sample, withBad(sample, sample.line(sample.otherUnit, "150", "44")));
      expect(
        problems.some(({ line }) => line === badLine(sample) || line === badLine(sample) + 1),
        JSON.stringify(problems),
      ).toBe(true);
    });

    test("tokens with a unit", async () => {
      const text = sample.line(second, sample.line("1", "1", "1").startsWith("{") ? '"150 tok"' : "150 tok", "44");
      expectPlace(await problemsIn(sample, withBad(sample, text)), /150 tok/);
    });

    test("nothing is half imported", async () => {
      const folder = temporaryFolder();
      const out = path.join(folder, "out.jsonl");
      const writer = new TraceWriter(out, "test");
      const file = fileOf(sample, withBad(sample, sample.line(second, "-5", "44")));
      await expect(readTrace(file, formatNamed(sample.format), options, writer)).rejects.toBeInstanceOf(InputError);
      writer.discard();
      expect(existsSync(out)).toBe(false);
      expect(readdirSync(folder)).toEqual([]);
    });
  });
}

async function problemsOrNone(sample: TraceSample, lines: readonly string[]): Promise<readonly Problem[]> {
  try {
    const at: number[] = [];
    await readTrace(fileOf(sample, lines), formatNamed(sample.format), options, { row: (row) => at.push(row.atUs), session: () => {} });
    expect(at).toEqual(at.toSorted((one, other) => one - other));
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}
