import { expect, test } from "vitest";
import { forkRandom, keyedNormal, keyedUnit, nextUnit, purposeOf } from "../../../../router/core/random.ts";

test("the same seed and name give the same stream; another name or seed gives another", () => {
  const draw = (seed: number, name: string): number[] => {
    const state = forkRandom(seed, name);
    return Array.from({ length: 5 }, () => nextUnit(state));
  };
  expect(draw(1, "a")).toEqual(draw(1, "a"));
  expect(draw(1, "a")).not.toEqual(draw(1, "b"));
  expect(draw(1, "a")).not.toEqual(draw(2, "a"));
  expect(draw(1, "a")).not.toEqual(draw(1 + 4294967296, "a"));
});

test("streams and keyed draws are uniform, normals have mean 0 and variance 1", () => {
  const state = forkRandom(3, "uniform");
  const purpose = purposeOf("test");
  const streamBins = Array.from({ length: 20 }, () => 0);
  const keyedBins = Array.from({ length: 20 }, () => 0);
  let sum = 0;
  let squares = 0;
  const count = 100_000;
  for (let key = 0; key < count; key += 1) {
    const one = Math.floor(nextUnit(state) * 20);
    streamBins[one] = (streamBins[one] ?? 0) + 1;
    const other = Math.floor(keyedUnit(3, purpose, key, 0) * 20);
    keyedBins[other] = (keyedBins[other] ?? 0) + 1;
    const normal = keyedNormal(3, purpose, key, 1);
    sum += normal;
    squares += normal * normal;
  }
  for (const bins of [streamBins, keyedBins]) {
    const chiSquare = bins.reduce((total, seen) => total + (seen - count / 20) ** 2 / (count / 20), 0);
    expect(chiSquare).toBeLessThan(45); // 19 degrees of freedom: exceeded once in 1,400
  }
  expect(Math.abs(sum / count)).toBeLessThan(0.015);
  expect(Math.abs(squares / count - 1)).toBeLessThan(0.02);
});

test("neighbouring keys, draws and purposes are not correlated", () => {
  const purpose = purposeOf("one");
  const other = purposeOf("two");
  let product = 0;
  const count = 50_000;
  for (let key = 0; key < count; key += 1) {
    const base = keyedUnit(1, purpose, key, 0) - 0.5;
    product += base * (keyedUnit(1, purpose, key + 1, 0) - 0.5) + base * (keyedUnit(1, purpose, key, 1) - 0.5) + base * (keyedUnit(1, other, key, 0) - 0.5);
  }
  expect(Math.abs(product / count)).toBeLessThan(0.003);
});
