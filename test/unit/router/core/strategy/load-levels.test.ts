import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EndpointId } from "../../../../../router/core/messages.ts";
import { strategies } from "../../../../../router/core/strategy/strategy.ts";
import { drawLeast, type LoadLevels, moveLoad, newLevels } from "../../../../../router/core/strategy/load-levels.ts";
import { choiceOf, freshWorld } from "../../../../support/choice-of.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

function levelsOf(inFlight: readonly number[]): LoadLevels {
  const loads = newLevels(inFlight.length);
  if (loads === null) throw new Error("too few endpoints");
  inFlight.forEach((count, id) => moveLoad(loads, id as EndpointId, 0, count));
  return loads;
}

describe("load levels", () => {
  test("the same endpoint, by the same draw, as a look at each would find", () => {
    const change = fc.record({ id: fc.nat(129), inFlight: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 64, maxLength: 130 }), fc.array(change, { maxLength: 200 }), fc.nat(), (start, changes, seed) => {
        const inFlight = [...start];
        const loads = levelsOf(inFlight);
        const { config, state, all } = freshWorld({ deployments: [{ endpoints: inFlight.length }] }, seed);
        for (const { id, inFlight: next } of changes) {
          if (id >= inFlight.length) continue;
          moveLoad(loads, id as EndpointId, inFlight[id] ?? 0, next);
          inFlight[id] = next;
          const choice = { ...choiceOf(config, state, all), busy: inFlight };
          const ties = structuredClone(state.ties);
          expect(drawLeast(loads, ties)).toBe(strategies["least-busy"].pick(choice));
          expect(ties).toEqual(state.ties);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("where all have very many they are not told apart, until one has fewer", () => {
    const { ties } = freshWorld({ deployments: [{ endpoints: 1 }] }).state;
    const loads = levelsOf(Array.from({ length: 64 }, (_, id) => 1000 + id));
    expect(drawLeast(loads, ties)).toBeNull();
    moveLoad(loads, 63 as EndpointId, 1063, 254);
    expect(drawLeast(loads, ties)).toBe(63);
  });

  test("few endpoints need none", () => {
    expect(newLevels(16)).toBeNull();
  });
});

test("least-busy: among a hundred always one of the least busy, as attempts come and go", () => {
  const harness = new RouterHarness({ strategy: "least-busy", deployments: [{ endpoints: 100 }] });
  const open: number[] = [];
  for (let id = 0; id < 600; id += 1) {
    const inFlight = harness.router.snapshot().endpoints.map((endpoint) => endpoint.inFlight);
    const [started] = only(harness.arrive(id), "start-attempt");
    expect(inFlight[started?.endpoint ?? -1]).toBe(Math.min(...inFlight));
    open.push(started?.attempt ?? -1);
    if (id % 3 === 2) harness.succeed(open.splice((id * 7) % open.length, 1)[0] ?? -1);
  }
});
