import { expect, test } from "vitest";
import { isMissed } from "./figures.ts";
import { figuresOf } from "./judge-server-run.ts";

test("one scale decides, however well the followed speed does and however far the machine wanders", () => {
  expect(figuresOf("TTFT p95", -30, 0, 25).map(isMissed)).toEqual([true, false]);
  expect(figuresOf("TTFT p95", 3, 40, 25).map(isMissed)).toEqual([false, false]);
  expect(figuresOf("E2E mean", 5.1, 0, 9).some(isMissed)).toBe(true);
});
