import { resultVersion } from "../../../../simulator/result/run-result.ts";
import { expect, test } from "vitest";
import { readResult, writeResult } from "../../../../simulator/result/result-json.ts";
import type { NotApplicableResult } from "../../../../simulator/result/run-result.ts";

const result: NotApplicableResult = {
  version: resultVersion,
  kind: "not-applicable",
  verdict: "not-applicable",
  scenario: { name: "x", description: null },
  reason: "no trace",
};

test("what was written is read again", () => {
  expect(readResult(writeResult(result))).toEqual({ kind: "read", result });
});

test("anything else is refused with the reason", () => {
  const reason = (text: string) => {
    const read = readResult(text);
    return read.kind === "unreadable" ? read.reason : null;
  };
  expect(reason("{")).toMatch(/^not JSON/);
  expect(reason("null")).toBe("not a result of a run");
  expect(reason('{"version":1}')).toBe("not a result of a run");
  expect(reason(writeResult(result).replace(`"version": ${resultVersion}`, '"version": 99'))).toBe("a result of version 99; this program reads version 2");
});
