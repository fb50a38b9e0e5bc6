import { expect, test } from "vitest";
import { playScenario, randomScenario } from "../support/random-world.ts";

/** What a pure core must not reach; the linter's checks see names, this sees calls. */
const ambient: readonly (readonly [object, readonly string[]])[] = [
  [Math, ["random", "log", "log2", "log10", "log1p", "exp", "expm1", "pow", "sin", "cos", "tan", "tanh", "cbrt", "hypot", "round", "fround"]],
  [performance, ["now"]],
  [Date, ["now"]],
  [globalThis, ["Date", "Intl", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"]],
  [String.prototype, ["localeCompare", "toLocaleLowerCase"]],
];

test("a whole simulation reaches no clock, no timer, no locale and no inexact Math", () => {
  const { scenario, arrivals } = randomScenario(11);
  const expected = playScenario(scenario, arrivals, 11).log;
  const restore: (() => void)[] = [];
  let played: readonly string[] = [];
  try {
    for (const [owner, names] of ambient) {
      for (const name of names) {
        const before = Object.getOwnPropertyDescriptor(owner, name);
        if (before === undefined) continue;
        restore.push(() => void Object.defineProperty(owner, name, before));
        const forbidden = (): never => {
          throw new Error(`the core reached ${name}`);
        };
        Object.defineProperty(owner, name, { configurable: true, writable: true, value: forbidden });
      }
    }
    played = playScenario(scenario, arrivals, 11).log;
  } finally {
    for (const undo of restore.toReversed()) undo();
  }
  expect(played).toEqual(expected);
});
