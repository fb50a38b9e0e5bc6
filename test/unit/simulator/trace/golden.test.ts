import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { inspectTrace } from "../../../../simulator/trace/inspect/inspect-trace.ts";
import { defaultFormatOptions } from "../../../../simulator/trace/trace-format.ts";
import { detectFormat } from "../../../../simulator/trace/trace-formats.ts";
import { sharedFolder } from "../../../support/shared-folder.ts";

const shared = sharedFolder();
const folder = shared === null ? null : path.join(shared, "traces");
const golden: Readonly<Record<string, unknown>> =
  folder !== null && existsSync(path.join(folder, "golden.json"))
    ? (JSON.parse(readFileSync(path.join(folder, "golden.json"), "utf8")) as Record<string, unknown>)
    : {};

/** Where what was found differs from what is golden. */
function differences(wanted: unknown, found: unknown, at: string): readonly string[] {
  if (typeof wanted === "number") {
    const close = typeof found === "number" && Math.abs(found - wanted) <= 1e-9 * Math.max(Math.abs(wanted), Math.abs(found));
    return close ? [] : [`${at}: ${String(found)} instead of ${wanted}`];
  }
  if (typeof wanted !== "object" || wanted === null) return wanted === found ? [] : [at];
  if (typeof found !== "object" || found === null) return [`${at} is missing`];
  return Object.entries(wanted).flatMap(([key, value]) => (key === "rle_roundtrip_errors" ? [] : differences(value, Reflect.get(found, key), `${at}.${key}`)));
}

test.skipIf(folder === null)("there are golden figures", () => {
  expect(Object.keys(golden).length).toBeGreaterThan(0);
});

for (const [name, wanted] of Object.entries(golden)) {
  test(`golden figures of ${name}`, { timeout: 60_000 }, async () => {
    const file = path.join(folder ?? "", readdirSync(folder ?? "").find((candidate) => candidate.startsWith(`${name}.`)) ?? "");
    const figures = await inspectTrace(file, await detectFormat(file), { ...defaultFormatOptions, itemsMax: Infinity });
    expect(differences(wanted, figures, name)).toEqual([]);
  });
}
