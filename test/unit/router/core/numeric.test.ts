import { expect, test } from "vitest";
import { exp, ln, pow } from "../../../../router/core/numeric.ts";
import { forkRandom, nextUnit } from "../../../../router/core/random.ts";

const ulps = (value: number, truth: number): number => (value === truth ? 0 : Math.abs(value - truth) / (Math.abs(truth) * 2.220446049250313e-16));

test("ln, exp and pow lie within 2 units in the last place of the engine's own", () => {
  const random = forkRandom(7, "numeric-test");
  let worstLn = 0;
  let worstExp = 0;
  let worstPow = 0;
  for (let round = 0; round < 50_000; round += 1) {
    const wide = Math.exp((nextUnit(random) - 0.5) * 1400);
    worstLn = Math.max(worstLn, ulps(ln(wide), Math.log(wide)));
    const near = 0.5 + nextUnit(random);
    worstLn = Math.max(worstLn, ulps(ln(near), Math.log(near)));
    const x = (nextUnit(random) - 0.5) * 1400;
    worstExp = Math.max(worstExp, ulps(exp(x), Math.exp(x)));
    const base = nextUnit(random) * 10;
    worstPow = Math.max(worstPow, ulps(pow(base, 7), Math.pow(base, 7)));
  }
  expect(worstLn).toBeLessThanOrEqual(2);
  expect(worstExp).toBeLessThanOrEqual(2);
  expect(worstPow).toBeLessThanOrEqual(8);
});

test("edges", () => {
  expect([ln(0), ln(1), ln(Infinity), ln(-1)]).toEqual([-Infinity, 0, Infinity, NaN]);
  expect([exp(0), exp(-Infinity), exp(710), exp(-800)]).toEqual([1, 0, Infinity, 0]);
  expect([pow(0, 2), pow(2, 10), pow(2, -2), pow(5, 0)]).toEqual([0, 1024, 0.25, 1]);
  expect(Math.abs(pow(2, 0.5) - Math.SQRT2)).toBeLessThan(1e-15);
  expect(ulps(ln(5e-324), Math.log(5e-324))).toBeLessThan(2);
});
