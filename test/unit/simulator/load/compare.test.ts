import { expect, test } from "vitest";
import type { Side } from "../../../../simulator/load/twin/compare.ts";
import { compareSides } from "../../../../simulator/load/twin/compare.ts";

interface Values {
  readonly ttft: number;
  readonly e2e: number;
  readonly openings: number;
  readonly retries: number;
  readonly cost: number | null;
  readonly served: number;
}

function side(values: Values): Side {
  const latency = (p50: number) => ({ p50, p95: 2 * p50 });
  const requests = { scheduled: 1_000, served: values.served, cut: 1_000 - values.served, failed: 0, rejected: 0, clientLeft: 0, reasons: {} };
  const figures = { summary: { requests, ttftMs: latency(values.ttft), e2eMs: latency(values.e2e) } } as unknown as Side["window"];
  return { window: figures, whole: figures, breakerOpenings: values.openings, retries: values.retries, costDollars: values.cost };
}

const simulated: Values = { ttft: 50, e2e: 5_000, openings: 2, retries: 10, cost: 1, served: 990 };
const failing = (live: Partial<Values>): string[] =>
  compareSides(side(simulated), side({ ...simulated, ...live }))
    .filter(({ within }) => !within)
    .map(({ name }) => name);

test("the tolerances, at their edges", () => {
  expect(failing({})).toEqual([]);
  expect(failing({ ttft: 53 })).toEqual(["ttftP95Ms"]);
  expect(failing({ ttft: 51.5 })).toEqual([]);
  expect(failing({ e2e: 5_150 })).toEqual([]);
  expect(failing({ e2e: 4_849 })).toEqual(["e2eP50Ms", "e2eP95Ms"]);
  expect(failing({ openings: 3 })).toEqual(["breakerOpenings"]);
  expect(failing({ retries: 13 })).toEqual([]);
  expect(failing({ retries: 14 })).toEqual(["retries"]);
  expect(failing({ cost: 1.005 })).toEqual([]);
  expect(failing({ cost: 0.994 })).toEqual(["costDollars"]);
  expect(failing({ cost: null })).toEqual(["costDollars"]);
  expect(failing({ served: 979 })).toEqual(["served", "cut"]);
});

test("every metric has a name, both values and the difference", () => {
  const metrics = compareSides(side(simulated), side({ ...simulated, retries: 12 }));
  expect(metrics.find(({ name }) => name === "retries")).toEqual({ name: "retries", simulated: 10, live: 12, difference: 2, tolerance: 3, within: true });
});
