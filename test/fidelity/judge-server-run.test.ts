import { expect, test } from "vitest";
import { isMissed } from "./figures.ts";
import { figuresOf } from "./judge-server-run.ts";

test("the mean over the draws decides, whatever the others say and however far the draws lie apart", () => {
  const missed = (name: "TTFT p95" | "E2E mean", each: number[], ofSteps: number, followed: number): boolean[] =>
    figuresOf(name, each, { ofSteps, followed }).map(isMissed);
  expect(missed("TTFT p95", [-90, 0, 0], 0, 0)).toEqual([true, false, false, false]);
  expect(missed("TTFT p95", [-50, -50, 100], 40, 40)).toEqual([false, false, false, false]);
  expect(missed("E2E mean", [5, 5.2], 0, 0).some(Boolean)).toBe(true);
  expect(missed("E2E mean", [5, NaN], 0, 0)[0]).toBe(true);
});

test("it is told how far apart the draws lie, and how well their mean is known", () => {
  const [mean, median] = figuresOf("TTFT mean", [-10, 10, -10, 10], { ofSteps: 0, followed: 0 });
  expect(mean?.name).toBe("TTFT mean, one scale (+-5.0)");
  expect(median?.name).toContain("one draw +-10.0");
});
