import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { engineDefaults } from "../../../../../simulator/core/engine/engine-spec.ts";
import {
  bucketOf,
  earliestFrom,
  fileOutput,
  type OutputWheel,
  removeOutput,
  turnCalls,
  unknownCall,
} from "../../../../../simulator/core/engine/fast/output-wheel.ts";
import { Sequence } from "../../../../../simulator/core/engine/fast/sequence.ts";
import { Workbench } from "../../../../../simulator/core/engine/fast/workbench.ts";
import "../../../../support/fixed-seed.ts";

/** The second of two: the first has what is nobody's here. */
function newWheel(): OutputWheel {
  const rules = { ...engineDefaults, blockTokens: 16, blocks: 100, sequencesMax: 8, batchedTokensMax: 512, modelTokensMax: 512 };
  const bench = new Workbench(rules, { started: () => {}, output: () => {}, ended: () => {} }, false);
  const [others, row] = [bench.newRow(), bench.newRow()];
  fileOutput({ bench, row: others, earliest: unknownCall, next: unknownCall }, new Sequence(99), 3);
  return { bench, row, earliest: unknownCall, next: unknownCall };
}

function wheelOf(...calls: readonly number[]): OutputWheel {
  const wheel = newWheel();
  for (const [id, call] of calls.entries()) fileOutput(wheel, new Sequence(id), call);
  return wheel;
}

describe("the wheel of outputs", () => {
  test("finds the next one, the call itself included", () => {
    const wheel = wheelOf(40, 71, 200);
    expect([0, 40, 41, 71, 72].map((call) => earliestFrom(wheel, call))).toEqual([40, 40, 71, 71, 200]);
  });

  test("passes over those of later turns that lie in the same bucket", () => {
    const wheel = wheelOf(40 + turnCalls, 71 + 3 * turnCalls, 120);
    expect(earliestFrom(wheel, 0)).toBe(120);
    expect(earliestFrom(wheel, turnCalls - 20)).toBe(turnCalls + 40);
  });

  test("looks one turn ahead at most", () => {
    expect(earliestFrom(wheelOf(), 7)).toBe(7 + turnCalls);
    expect(earliestFrom(wheelOf(40 + 2 * turnCalls), 7)).toBe(7 + turnCalls);
  });

  test("whatever is filed and removed, it names no call behind one with an output, and that one once it has come", () => {
    const times = fc.array(
      fc.record({ ahead: fc.constantFrom(0, 1, 2, 9, 40, turnCalls, turnCalls + 6, 2 * turnCalls + 52), removes: fc.boolean(), goesOn: fc.nat(3) }),
      {
        maxLength: 80,
      },
    );
    fc.assert(
      fc.property(times, (steps) => {
        const wheel = newWheel();
        const filed: Sequence[] = [];
        let call = 0;
        for (const [id, { ahead, removes, goesOn }] of steps.entries()) {
          const sequence = new Sequence(id);
          fileOutput(wheel, sequence, call + ahead);
          filed.push(sequence);
          if (removes) removeOutput(wheel, filed.splice(id % filed.length, 1)[0] as Sequence);
          const truth = Math.min(...filed.map(({ wheelCall }) => wheelCall));
          expect(earliestFrom(wheel, call)).toBeLessThanOrEqual(truth);
          for (const one of filed) expect(allOf(wheel, one.wheelCall)).toContain(one);
          for (let left = goesOn; left > 0; left--) {
            for (const due of filed.filter(({ wheelCall }) => wheelCall === call)) removeOutput(wheel, filed.splice(filed.indexOf(due), 1)[0] as Sequence);
            call++;
          }
        }
        for (const one of filed.toSorted((a, b) => a.wheelCall - b.wheelCall)) {
          while (call < one.wheelCall) {
            const next = earliestFrom(wheel, call);
            expect(next).toBeLessThanOrEqual(one.wheelCall);
            call = Math.max(call + 1, next);
          }
          expect(allOf(wheel, call)).toContain(one);
          removeOutput(wheel, one);
        }
      }),
    );
  });
});

function allOf(wheel: OutputWheel, call: number): Sequence[] {
  const bucket: Sequence[] = [];
  for (let sequence = bucketOf(wheel, call); sequence !== null; sequence = sequence.wheelBehind) bucket.push(sequence);
  return bucket;
}
