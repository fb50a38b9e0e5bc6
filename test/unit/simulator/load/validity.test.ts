import { expect, test } from "vitest";
import { judgeValidity, type ValidityInput } from "../../../../simulator/load/validity.ts";

const good: ValidityInput = {
  lagsUs: Float64Array.from({ length: 200 }, () => 300),
  scheduledSpanUs: 10_000_000,
  sentSpanUs: 10_000_000,
  ttftP50Ms: 100,
  eventLoopDelayMs: { p50: 0, p99: 1, max: 2 },
  unsent: 0,
  interrupted: false,
  givenUp: 0,
};

test("a replay on time is valid", () => {
  const validity = judgeValidity(good);
  expect(validity).toMatchObject({ valid: true, reasons: [], lagMs: { p50: 0.3, p99: 0.3, limit: 10 }, rate: { requested: 19.9, achieved: 19.9, ratio: 1 } });
});

test("late requests: the bound is 10 ms or 5 % of the median TTFT, whichever is larger", () => {
  const lagsUs = Float64Array.from({ length: 200 }, (_, index) => (index < 190 ? 0 : 12_000));
  expect(judgeValidity({ ...good, lagsUs }).valid).toBe(false);
  expect(judgeValidity({ ...good, lagsUs, ttftP50Ms: 300 }).valid).toBe(true);
});

test("a rate more than 1 % off, unsent requests, an interruption and open ends are each invalid", () => {
  expect(judgeValidity({ ...good, sentSpanUs: 10_090_000 }).valid).toBe(true);
  expect(judgeValidity({ ...good, sentSpanUs: 10_110_000 }).valid).toBe(false);
  expect(judgeValidity({ ...good, unsent: 1 }).reasons).toHaveLength(1);
  expect(judgeValidity({ ...good, interrupted: true }).reasons).toEqual(["it was interrupted"]);
  expect(judgeValidity({ ...good, givenUp: 2 }).valid).toBe(false);
});
