import { describe, expect, it } from "vitest";
import type { Instant } from "../../../../../router/core/machine.ts";
import { WanderingSpeed } from "../../../../../simulator/core/step-time/wandering-speed.ts";
import type { WanderSpec } from "../../../../../simulator/core/step-time/wandering-speed.ts";

const spec: WanderSpec = { deviation: 0.12, correlationUs: 500_000, scatter: 0 };
const every = 20_000;

const factorsOf = (machine: WanderingSpeed, count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, place) => machine.factorAt((from + place * every) as Instant));

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of two series of the same mean. */
function correlation(one: readonly number[], other: readonly number[]): number {
  const middle = mean(one);
  const product = (a: readonly number[], b: readonly number[]): number => mean(a.map((value, place) => (value - middle) * ((b[place] ?? 0) - middle)));
  return product(one, other) / Math.sqrt(product(one, one) * product(other, other));
}

describe("a machine whose speed wanders", () => {
  const factors = factorsOf(new WanderingSpeed(spec, 3, "0.0"), 200_000);
  const logs = factors.map((factor) => Math.log(factor));

  it("has the deviation and the correlation time asked for", () => {
    const middle = mean(logs);
    expect(Math.sqrt(mean(logs.map((log) => (log - middle) ** 2)))).toBeCloseTo(0.12, 2);
    const later = (us: number): number => correlation(logs.slice(0, -us / every), logs.slice(us / every));
    expect(later(500_000)).toBeCloseTo(Math.exp(-1), 1);
    expect(later(1_500_000)).toBeCloseTo(Math.exp(-3), 1);
    expect(Math.abs(later(20_000_000))).toBeLessThan(0.05);
  });

  it("keeps the mean step time: as much is computed in the time as by a steady machine", () => {
    expect(mean(factors.map((factor) => 1 / factor))).toBeCloseTo(1, 2);
    const scattering = factorsOf(new WanderingSpeed({ deviation: 0, correlationUs: 1, scatter: 0.15 }, 3, "0.0"), 100_000);
    expect(mean(scattering)).toBeCloseTo(1, 2);
    expect(Math.sqrt(mean(scattering.map((factor) => (factor - 1) ** 2)))).toBeCloseTo(0.15, 2);
    expect(Math.abs(correlation(scattering.slice(1), scattering.slice(0, -1)))).toBeLessThan(0.02);
  });

  it("is a function of the instant: in any order, back and forth over any border, however far", () => {
    const backwards = new WanderingSpeed({ ...spec, scatter: 0.1 }, 3, "0.0");
    const forwards = factorsOf(new WanderingSpeed({ ...spec, scatter: 0.1 }, 3, "0.0"), 9000);
    for (let place = 8999; place >= 0; place -= 7) expect(backwards.factorAt((place * every) as Instant)).toBe(forwards[place]);
    for (const place of [0, 8999, 1, 4000, 8998]) expect(backwards.factorAt((place * every) as Instant)).toBe(forwards[place]);
    expect(backwards.factorAt(1_763_757_000_000_000 as Instant)).toBeGreaterThan(0);
  });

  it("is another one for another seed or machine, and none at 0 %", () => {
    expect(factorsOf(new WanderingSpeed(spec, 4, "0.0"), 5)).not.toEqual(factors.slice(0, 5));
    const other = factorsOf(new WanderingSpeed(spec, 3, "1.0"), 20_000);
    expect(Math.abs(correlation(factors.slice(0, 20_000), other))).toBeLessThan(0.2);
    expect(factorsOf(new WanderingSpeed({ deviation: 0, correlationUs: 1, scatter: 0 }, 3, "0.0"), 3)).toEqual([1, 1, 1]);
  });
});
