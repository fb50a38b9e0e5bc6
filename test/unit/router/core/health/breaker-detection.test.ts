import { expect, test } from "vitest";
import { bestTest, outcomesToAlarm } from "../../../../support/bernoulli-cusum.ts";
import { compared, detection, headgate, normalRate, outcomesPerFalseAlarm } from "../../../../support/breaker-detection.ts";

const alarms = outcomesPerFalseAlarm(headgate, 100, 25, 2e8, 7);

test("the best test's mean is solved exactly: at 100 % failures it is the number of steps to its limit", () => {
  for (const step of [2, 3, 7]) for (const limit of [5, 20]) expect(outcomesToAlarm({ step, limit }, 1)).toBeCloseTo(Math.ceil(limit / (step - 1)), 9);
});

test("a healthy endpoint is taken out less than once in half a million outcomes", () => {
  expect(alarms.outcomes).toBeGreaterThan(500_000);
});

test.each([0.1, 1, 30, 1000])(
  "at %d requests/s every failure rate is found within 1.5 times the best sequential test's time, at the same false alarms",
  (perSecond) => {
    for (const rate of [0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95, 1]) {
      const best = outcomesToAlarm(bestTest(normalRate, rate, alarms.outcomes), rate) / perSecond;
      const ours = detection(headgate, rate, perSecond, 400, 3600, 7);
      expect({ rate, found: ours.found >= 0.95, near: ours.seconds <= 1.5 * best }).toEqual({ rate, found: true, near: true });
    }
  },
);

test("failures in a row alone miss what fails half of the time for many times as long", () => {
  const [fiveInARow] = compared;
  if (fiveInARow === undefined) throw new Error("nothing to compare with");
  expect(detection(fiveInARow, 0.3, 10, 100, 3600, 7).seconds).toBeGreaterThan(5 * detection(headgate, 0.3, 10, 100, 3600, 7).seconds);
});
