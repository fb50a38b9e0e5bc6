import { expect, test } from "vitest";
import { isMissed } from "./figures.ts";
import { figuresOf } from "./judge-server-run.ts";

test("one scale decides, however well the others do and however far the machine wanders", () => {
  expect(figuresOf("TTFT p95", { one: -30, ofSteps: 0, followed: 0, spread: 25 }).map(isMissed)).toEqual([true, false, false]);
  expect(figuresOf("TTFT p95", { one: 3, ofSteps: 40, followed: 40, spread: 25 }).map(isMissed)).toEqual([false, false, false]);
  expect(figuresOf("E2E mean", { one: 5.1, ofSteps: 0, followed: 0, spread: 9 }).some(isMissed)).toBe(true);
});
