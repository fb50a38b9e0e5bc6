import { expect, test } from "vitest";
import type { World } from "../../../../simulator/core/world.ts";
import { runToEnd } from "../../../../simulator/run/run-to-end.ts";

/** Counts its steps. */
class Walk {
  done = 0;
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  advance(steps: number): boolean {
    this.done = Math.min(this.length, this.done + steps);
    return this.done < this.length;
  }
}

test.each([
  { requests: 10, steps: 5 },
  { requests: 10, steps: 400_000 },
  { requests: 1e6, steps: 200_000 },
])("$requests requests, $steps steps: all are made", ({ requests, steps }) => {
  const walk = new Walk(steps);
  runToEnd(walk as unknown as World, requests);
  expect(walk.done).toBe(steps);
});

test("a run that fails says why", () => {
  const fails = {
    advance: () => {
      throw new Error("invariant");
    },
  } as unknown as World;
  expect(() => runToEnd(fails, 10)).toThrow("invariant");
});
