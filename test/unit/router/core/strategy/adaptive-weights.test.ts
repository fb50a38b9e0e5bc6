import { describe, expect, test } from "vitest";
import type { RouterCommand } from "../../../../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../../../../router/core/random.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

const purpose = purposeOf("adaptive-test");

/** Ten requests a second for `seconds`, each answered in `waitMs` of its endpoint, or failed with its share. */
class Traffic {
  readonly router = new RouterHarness({
    strategy: "adaptive",
    deployments: [{ weight: 10 }, { weight: 10 }],
    breaker: { enabled: false },
    retry: { attemptsMax: 1 },
  });
  readonly changes: Extract<RouterCommand, { kind: "weight-changed" }>[] = [];
  readonly went = [0, 0];
  #request = 0;

  play(requests: number, waitMs: readonly number[], failing: readonly number[] = [0, 0]): this {
    this.went.fill(0);
    for (let serial = 0; serial < requests; serial += 1, this.#request += 1) {
      const at = this.#request * 0.1;
      const start = only(this.router.at(at).arrive(0), "start-attempt")[0];
      if (start === undefined) throw new Error("no attempt");
      this.went[start.endpoint] = (this.went[start.endpoint] ?? 0) + 1;
      const fails = keyedUnit(1, purpose, this.#request, 0) < (failing[start.endpoint] ?? 0);
      this.router.at(at + (waitMs[start.endpoint] ?? 0) / 1000);
      if (!fails) this.router.firstToken(start.attempt);
      this.changes.push(...only(fails ? this.router.fail(start.attempt) : this.router.succeed(start.attempt), "weight-changed"));
    }
    return this;
  }

  get factors(): readonly number[] {
    return this.router.router.snapshot().versions[0]?.turns[0]?.adaptive?.factors ?? [];
  }
}

describe("adaptive weights", () => {
  test("equals stay equal: no change, whatever the noise of a few milliseconds", () => {
    const traffic = new Traffic().play(3_000, [40, 44]);
    expect(traffic.changes).toEqual([]);
    expect(Math.abs((traffic.went[0] ?? 0) - (traffic.went[1] ?? 0))).toBeLessThanOrEqual(1);
  });

  test("a slow one gets less, with the reason; bounded, and step by step", () => {
    const traffic = new Traffic().play(3_000, [20, 95]);
    const [fast = 0, slow = 0] = traffic.factors;
    expect(slow).toBeLessThan(1_000);
    expect(slow).toBeGreaterThanOrEqual(500);
    expect(fast).toBeGreaterThan(1_000);
    expect(fast).toBeLessThanOrEqual(2_000);
    expect(traffic.changes.filter(({ deployment }) => deployment === 1).every(({ why }) => why === "slower")).toBe(true);
    for (const { from, to } of traffic.changes) expect(to >= Math.floor(from / 2) && to <= Math.ceil(from * 1.25)).toBe(true);
  });

  test("a failing one gets least but never nothing, and comes back when it is well", () => {
    const traffic = new Traffic().play(3_000, [40, 40], [0, 0.6]);
    expect(traffic.factors[1]).toBeLessThanOrEqual(200);
    expect(traffic.factors[1]).toBeGreaterThanOrEqual(100);
    expect(traffic.changes[0]).toMatchObject({ deployment: 1, from: 1_000, to: 500, why: "failing" });
    expect(traffic.went[1]).toBeGreaterThan(100);
    traffic.play(6_000, [40, 40]);
    expect(traffic.factors[1]).toBeGreaterThanOrEqual(800);
  });
});
