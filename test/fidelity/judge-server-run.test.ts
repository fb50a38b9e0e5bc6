import { expect, test } from "vitest";
import { isMissed } from "./figures.ts";
import { figuresOf } from "./judge-server-run.ts";

test("one scale decides, whatever the diagnoses say and however far the draws lie apart", () => {
  const missed = (drawn: number[], steady: number, followed: number): boolean[] => figuresOf("TTFT p95", drawn, { steady, followed }).map(isMissed);
  expect(missed([-90, 30], 0, 0)).toEqual([true, false, false, false]);
  expect(missed([-50, 50], 40, 40)).toEqual([false, false, false, false]);
  expect(figuresOf("E2E mean", [5.2, 5], { steady: 0, followed: 0 }).some(isMissed)).toBe(true);
});
