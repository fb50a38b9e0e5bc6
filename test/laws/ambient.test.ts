import { expect, test } from "vitest";
import { playScenario, randomScenario } from "../support/random-world.ts";

/** What a run must not touch: clocks, locale, luck, and arithmetic that differs between engines. */
const ambient: readonly (readonly [holder: object, name: string])[] = [
  [globalThis, "Date"],
  [globalThis, "Intl"],
  [globalThis, "performance"],
  [globalThis, "setTimeout"],
  [globalThis, "setImmediate"],
  [globalThis, "queueMicrotask"],
  ...["random", "log", "log1p", "log2", "log10", "exp", "expm1", "pow", "sin", "cos", "tan", "tanh", "cbrt", "hypot"].map((name) => [Math, name] as const),
  [String.prototype, "localeCompare"],
  [Number.prototype, "toLocaleString"],
];

/** Carries out `work`, which must be synchronous, while each of them throws. */
function withoutAmbient<Result>(work: () => Result): Result {
  const kept = ambient.map(([holder, name]) => Object.getOwnPropertyDescriptor(holder, name));
  for (const [holder, name] of ambient) {
    const forbidden = (): never => {
      throw new Error(`a pure core used ${name}`);
    };
    Object.defineProperty(holder, name, { configurable: true, get: forbidden });
  }
  try {
    return work();
  } finally {
    for (const [place, [holder, name]] of ambient.entries()) Object.defineProperty(holder, name, kept[place] ?? {});
  }
}

test("whole simulated runs with every clock, locale and inexact function taken away", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { scenario, arrivals } = randomScenario(seed);
    const logged = (): readonly string[] => playScenario(scenario, arrivals, seed, { log: true }).log;
    const expected = logged();
    expect(expected.length).toBeGreaterThan(arrivals.length);
    expect(withoutAmbient(logged)).toEqual(expected);
  }
});

const uses: readonly (readonly [name: string, use: () => unknown])[] = [
  ["Date.now", () => Date.now()],
  ["new Date", () => new Date()],
  ["Math.log", () => Math.log(2)],
  ["localeCompare", () => "a".localeCompare("b")],
];

test.each(uses)("%s would have been noticed", (_name, use) => {
  expect(() => withoutAmbient(use)).toThrow("a pure core used");
});
