import { expect, test } from "vitest";
import type { Metrics } from "../../../../../simulator/core/measure/metrics.ts";
import { judge, overall } from "../../../../../simulator/core/measure/verdicts.ts";

const withTtft = (ttftP95Ms: number | null, servedPercent = 100): Metrics => ({ ttftP95Ms, servedPercent }) as Metrics;
const verdictOf = (...perSeed: readonly Metrics[]) => judge([{ metric: "ttftP95Ms", bound: "max", value: 100 }], perSeed)[0]?.verdict;

test("kept with every seed, broken with every seed, or neither", () => {
  expect(verdictOf(withTtft(100), withTtft(99))).toBe("pass");
  expect(verdictOf(withTtft(101), withTtft(200))).toBe("fail");
  expect(verdictOf(withTtft(99), withTtft(101))).toBe("inconclusive");
});

test("a figure that is not known is inconclusive; where nothing was served, every target is broken", () => {
  const unpriced = { costDollars: null, savedPercent: null, servedPercent: 100 } as Metrics;
  expect(judge([{ metric: "costDollars", bound: "max", value: 1 }], [unpriced])[0]?.verdict).toBe("inconclusive");
  expect(judge([{ metric: "savedPercent", bound: "min", value: 40 }], [unpriced])[0]?.verdict).toBe("inconclusive");
  expect(verdictOf(withTtft(99), withTtft(null))).toBe("inconclusive");
  expect(verdictOf(withTtft(null, 0))).toBe("fail");
});

test("from five seeds on, the confidence interval of the mean decides where seeds disagree", () => {
  const around = (mean: number) => [-3, -1, 0, 1, 3].map((by) => withTtft(mean + by));
  expect([verdictOf(...around(96.5)), verdictOf(...around(97.2)), verdictOf(...around(100)), verdictOf(...around(103.2))]).toEqual([
    "pass",
    "pass",
    "inconclusive",
    "fail",
  ]);
  expect(judge([{ metric: "ttftP95Ms", bound: "max", value: 100 }], around(100))[0]?.interval?.high).toBeCloseTo(
    100 + (2.776 * Math.sqrt(5)) / Math.sqrt(5),
    2,
  );
});

test("endless with some seeds is inconclusive; nothing to take it from is not applicable; nothing scheduled is invalid", () => {
  expect(verdictOf(...[99, 99, 99, 99, Infinity].map((value) => withTtft(value)))).toBe("inconclusive");
  const opened = (value: number | null): Metrics => ({ breakerTimeToOpenP95Ms: value, servedPercent: 100 }) as Metrics;
  expect(judge([{ metric: "breakerTimeToOpenP95Ms", bound: "max", value: 1 }], [opened(null)])[0]?.verdict).toBe("not-applicable");
  expect(verdictOf({ ttftP95Ms: null, servedPercent: null } as Metrics)).toBe("invalid");
});

test("at least", () => {
  const at = (value: number) => judge([{ metric: "servedPercent", bound: "min", value: 99 }], [withTtft(1, value)])[0]?.verdict;
  expect([at(98.9), at(99), at(100)]).toEqual(["fail", "pass", "pass"]);
});

test("one broken target breaks the run; no target, nothing to judge", () => {
  const of = (...verdicts: readonly ("pass" | "fail" | "inconclusive")[]) =>
    overall(verdicts.map((verdict) => ({ metric: "x", bound: "max", limit: 1, values: [], interval: null, verdict })));
  expect([of("pass", "pass"), of("pass", "inconclusive"), of("inconclusive", "fail"), of()]).toEqual(["pass", "inconclusive", "fail", "not-applicable"]);
});
