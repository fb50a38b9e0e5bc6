import path from "node:path";
import { gzipSync } from "node:zlib";
import { writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { azure } from "../../../../simulator/trace/formats/azure.ts";
import { loadTrace } from "../../../../simulator/trace/load-trace.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const header = "TIMESTAMP,ContextTokens,GeneratedTokens";

function write(content: string | Buffer, name = "trace.csv"): string {
  const file = path.join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

async function rowsOf(content: string | Buffer, rowsMax = Infinity): Promise<readonly (readonly number[])[]> {
  const { table } = await loadTrace(write(content), azure, rowsMax);
  return Array.from({ length: table.rows }, (_, row) => [table.atUs[row] ?? NaN, table.inputTokens[row] ?? NaN, table.outputTokens[row] ?? NaN]);
}

const problemsIn = async (content: string | Buffer) => placed(await problemsOf(async () => await loadTrace(write(content), azure, Infinity)));

const rows = [
  "2023-11-16 18:15:46.6805900,374,44",
  "2023-11-16 18:15:50.9951690,396,109",
  "2023-11-16 18:15:50.9951690,879,55",
  "2023-11-16 18:15:51.2224670,91,16",
];
const parsed = [
  [0, 374, 44],
  [4_314_579, 396, 109],
  [4_314_579, 879, 55],
  [4_541_877, 91, 16],
];

test("the last row counts without a line break; CRLF and LF, with and without a byte order mark", async () => {
  expect(await rowsOf([header, ...rows].join("\r\n"))).toEqual(parsed);
  expect(await rowsOf([header, ...rows].join("\n"))).toEqual(parsed);
  expect(await rowsOf(`${[header, ...rows].join("\r\n")}\r\n`)).toEqual(parsed);
  expect(await rowsOf(`\uFEFF${[header, ...rows].join("\n")}`)).toEqual(parsed);
});

test("gzip is known by its content, not by its name", async () => {
  const text = [header, ...rows].join("\r\n");
  expect(await rowsOf(gzipSync(text))).toEqual(parsed);
  const plain = await loadTrace(write(text, "trace.csv.gz"), azure, Infinity);
  expect(plain.table.rows).toBe(4);
  expect(plain.sha256).toBe(createHash("sha256").update(text).digest("hex"));
});

test("only the first rows, where so many are asked for; what follows is not even looked at", async () => {
  expect(await rowsOf([header, ...rows, "broken"].join("\n"), 2)).toEqual(parsed.slice(0, 2));
});

test("timestamps: seven digits are cut to whole microseconds after the subtraction, over midnight and leap days too", async () => {
  const times = ["2024-02-28 23:59:59.9999999", "2024-02-29 00:00:00.0000008", "2024-02-29 00:00:00.0000009", "2024-03-01 00:00:00"];
  const at = (await rowsOf([header, ...times.map((time) => `${time},1,1`)].join("\n"))).map(([first]) => first);
  expect(at).toEqual([0, 0, 1, 86_400_000_000 + 0]);
});

test("rows that arrive in pieces are put together", async () => {
  const many = Array.from(
    { length: 60_000 },
    (_, row) =>
      `2023-11-16 18:${String(Math.floor(row / 6000) + 10)}:${String(Math.floor(row / 100) % 60).padStart(2, "0")}.${String(row % 100).padStart(7, "0")},${1 + (row % 7)},${1 + (row % 3)}`,
  );
  const read = await rowsOf([header, ...many].join("\r\n"));
  expect(read.length).toBe(60_000);
  expect(read[59_999]).toEqual([599_000_009, 1 + (59_999 % 7), 1 + (59_999 % 3)]);
});

test("each thing that can be wrong with a row is reported at its line and column", async () => {
  const bad = [
    rows[0],
    "2023-11-16 18:15:47.0000000,NaN,44",
    "2023-11-16 18:15:47.0000000,-5,44",
    "2023-11-16 18:15:47.0000000,374,1e9",
    "2023-11-16 18:15:47.0000000,374,999999999999",
    "2023-11-16 18:15:47.0000000,0,44",
    "2023-11-16 18:15:47.0000000,374",
    "2023-11-16 18:15:47.0000000,374,44,9",
    "16 Nov 2023,374,44",
    "2023-02-30 18:15:47.0000000,374,44",
    "2023-11-16 18:15:46.6805899,374,44",
    "the eleventh is not reached",
  ];
  expect(await problemsIn([header, ...bad].join("\n"))).toEqual([
    '3:29 ContextTokens: "NaN" is not a number of tokens',
    '4:29 ContextTokens: "-5" is not a number of tokens',
    '5:33 GeneratedTokens: "1e9" is not a number of tokens',
    "6:33 GeneratedTokens: 999999999999 tokens are too many",
    "7:29 ContextTokens: 0 tokens are too few",
    "8:32 -: has 2 columns instead of 3",
    "9:35 -: has 4 columns instead of 3",
    '10:1 TIMESTAMP: "16 Nov 2023" is not a timestamp',
    '11:1 TIMESTAMP: "2023-02-30 18:15:47.0000000" is not a timestamp',
    "12:1 TIMESTAMP: 2023-11-16 18:15:46.6805899 is earlier than the row before",
  ]);
});

test("an empty line within the file is a problem", async () => {
  expect(await problemsIn(`${header}\n${rows[0]}\n\n${rows[1]}`)).toEqual(["3:1 -: the line is empty"]);
});

test("a wrong header is the only problem: the column, what stands there and what should", async () => {
  expect(await problemsIn(`TIMESTAMP,ContextToken,GeneratedTokens\n${rows[0]}`)).toEqual([
    '1:11 ContextTokens: column 2 is "ContextToken" instead of "ContextTokens" (it looks like a misspelling)',
  ]);
  expect(await problemsIn("TIMESTAMP,GeneratedTokens,ContextTokens\n")).toEqual([
    '1:11 ContextTokens: column 2 is "GeneratedTokens" instead of "ContextTokens"',
  ]);
  expect(await problemsIn(`${header},More\n`)).toEqual(["1:41 -: has 4 columns instead of 3"]);
  expect(await problemsIn(rows[0] ?? "")).toEqual(['1:1 TIMESTAMP: column 1 is "2023-11-16 18:15:46.6805900" instead of "TIMESTAMP"']);
});

test("empty, without rows, absent, a folder", async () => {
  expect(await problemsIn("")).toEqual(["-:- -: the trace file is empty"]);
  expect(await problemsIn(gzipSync(""))).toEqual(["-:- -: the trace file is empty"]);
  expect(await problemsIn(`${header}\r\n`)).toEqual(["1:- -: the trace has a header, but no rows"]);
  const [absent] = await problemsOf(async () => await loadTrace("/no/such/trace.csv", azure, Infinity));
  expect(absent).toMatchObject({ file: "/no/such/trace.csv", line: null, message: "there is no such trace file" });
  const [folder] = await problemsOf(async () => await loadTrace(temporaryFolder(), azure, Infinity));
  expect(folder?.message).toBe("the trace cannot be read (EISDIR)");
});

test("a cut or damaged gzip file is named, with the last line that could be read", async () => {
  const many = Array.from(
    { length: 20_000 },
    (_, row) => `2023-11-16 18:15:46.${String((row * 7919) % 10_000_000).padStart(7, "0")},${1 + ((row * 31) % 4096)},${1 + ((row * 17) % 999)}`,
  ).toSorted();
  const zipped = gzipSync([header, ...many].join("\n"));
  const [cut] = await problemsOf(async () => await loadTrace(write(zipped.subarray(0, zipped.length - 2000)), azure, Infinity));
  expect(cut?.message).toBe("the gzip file is cut off: it ends in the middle");
  expect(cut?.line).toBeGreaterThan(1000);
  const damaged = Buffer.from(zipped);
  damaged.fill(0xff, 2000, 2100);
  expect((await problemsIn(damaged))[0]).toMatch(/the gzip file is damaged \(Z_DATA_ERROR\)$/);
});

test("a file of one endless line is given up early", async () => {
  expect(await problemsIn("x".repeat(3_000_000))).toEqual(["1:1 -: the line does not end"]);
});
