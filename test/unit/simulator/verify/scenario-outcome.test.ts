import { expect, test } from "vitest";
import { metricNames } from "../../../../simulator/core/measure/metric-names.ts";
import type { Metrics } from "../../../../simulator/core/measure/metrics.ts";
import type { Baseline } from "../../../../simulator/verify/baseline.ts";
import { type OutcomeOptions, outcomeOf } from "../../../../simulator/verify/scenario-outcome.ts";
import { defaultTolerances } from "../../../../simulator/verify/tolerances.ts";

const unknown = Object.fromEntries(metricNames.map((name) => [name, null])) as Metrics;
const figures = (ttftP95Ms: number, costPer1kTokensDollars: number | null): Metrics => ({ ...unknown, servedPercent: 100, ttftP95Ms, costPer1kTokensDollars });
const seeds = (count: number, metrics: Metrics) => Array.from({ length: count }, (_, place) => ({ seed: place + 1, metrics }));
const baselineOf = (count: number, metrics: Metrics): Baseline => ({ tolerances: defaultTolerances, scenarios: new Map([["one", seeds(count, metrics)]]) });
const outcome = (count: number, metrics: Metrics, options: Partial<OutcomeOptions>) =>
  outcomeOf({ name: "one", file: "one.yaml", targets: [], seeds: seeds(count, metrics) }, { seeds: count, baseline: null, requireBaseline: false, ...options });

test("equal figures over the baseline's seeds pass; seeds beyond them are said not to be compared", () => {
  const same = figures(100, 0.1);
  expect(outcome(3, same, { baseline: baselineOf(3, same) })).toMatchObject({ status: "pass", notes: [] });
  const more = outcome(10, same, { baseline: baselineOf(3, same) });
  expect(more.status).toBe("pass");
  expect(more.notes).toEqual(["compared over 3 of 10 seeds: the baseline has no others; --update writes these"]);
  const other: Baseline = { ...baselineOf(1, same), scenarios: new Map([["one", [{ seed: 77, metrics: same }]]]) };
  expect(outcome(3, same, { baseline: other })).toMatchObject({ status: "inconclusive", notes: ["no seed of it is in the baseline: --update writes these"] });
  expect(outcome(3, same, { baseline: other, requireBaseline: true }).status).toBe("fail");
});

test("a figure that the baseline knows and the run does not is inconclusive; one that is new is not", () => {
  const lost = outcome(3, figures(100, null), { baseline: baselineOf(3, figures(100, 0.1)) });
  expect(lost).toMatchObject({ status: "inconclusive", notes: ["known in the baseline and not now: costPer1kTokensDollars"] });
  expect(outcome(3, figures(100, 0.1), { baseline: baselineOf(3, figures(100, null)) })).toMatchObject({ status: "pass", notes: [] });
});

test("a scenario that the baseline does not have is said, and fails where it has to be there", () => {
  const empty: Baseline = { tolerances: defaultTolerances, scenarios: new Map() };
  expect(outcome(3, figures(100, 0.1), { baseline: empty })).toMatchObject({ status: "not-applicable", notes: ["not in the baseline: --update adds it"] });
  expect(outcome(3, figures(100, 0.1), { baseline: empty, requireBaseline: true }).status).toBe("fail");
  expect(outcome(0, figures(100, 0.1), { baseline: empty }).status).toBe("not-run");
});
