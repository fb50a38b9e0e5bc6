import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OutputWheel, turnCalls } from "../../../../../simulator/core/engine/fast/output-wheel.ts";
import { Sequence } from "../../../../../simulator/core/engine/fast/sequence.ts";
import "../../../../support/fixed-seed.ts";

function wheelOf(...calls: readonly number[]): OutputWheel {
  const wheel = new OutputWheel();
  for (const [id, call] of calls.entries()) wheel.file(new Sequence(id), call);
  return wheel;
}

describe("the wheel of outputs", () => {
  test("finds the next one, the call itself included", () => {
    const wheel = wheelOf(40, 71, 200);
    expect([0, 40, 41, 71, 72].map((call) => wheel.earliestFrom(call))).toEqual([40, 40, 71, 71, 200]);
  });

  test("passes over those of later turns that lie in the same bucket", () => {
    const wheel = wheelOf(40 + turnCalls, 71 + 3 * turnCalls, 120);
    expect(wheel.earliestFrom(0)).toBe(120);
    expect(wheel.earliestFrom(turnCalls - 20)).toBe(turnCalls + 40);
  });

  test("looks one turn ahead at most", () => {
    expect(wheelOf().earliestFrom(7)).toBe(7 + turnCalls);
    expect(wheelOf(40 + 2 * turnCalls).earliestFrom(7)).toBe(7 + turnCalls);
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
        const wheel = new OutputWheel();
        const filed: Sequence[] = [];
        let call = 0;
        for (const [id, { ahead, removes, goesOn }] of steps.entries()) {
          const sequence = new Sequence(id);
          wheel.file(sequence, call + ahead);
          filed.push(sequence);
          if (removes) wheel.remove(filed.splice(id % filed.length, 1)[0] as Sequence);
          const truth = Math.min(...filed.map(({ wheelCall }) => wheelCall));
          expect(wheel.earliestFrom(call)).toBeLessThanOrEqual(truth);
          for (const one of filed) expect(bucketOf(wheel, one.wheelCall)).toContain(one);
          for (let left = goesOn; left > 0; left--) {
            for (const due of filed.filter(({ wheelCall }) => wheelCall === call)) wheel.remove(filed.splice(filed.indexOf(due), 1)[0] as Sequence);
            call++;
          }
        }
        for (const one of filed.toSorted((a, b) => a.wheelCall - b.wheelCall)) {
          while (call < one.wheelCall) {
            const next = wheel.earliestFrom(call);
            expect(next).toBeLessThanOrEqual(one.wheelCall);
            call = Math.max(call + 1, next);
          }
          expect(bucketOf(wheel, call)).toContain(one);
          wheel.remove(one);
        }
      }),
    );
  });
});

function bucketOf(wheel: OutputWheel, call: number): Sequence[] {
  const bucket: Sequence[] = [];
  for (let sequence = wheel.bucketOf(call); sequence !== null; sequence = sequence.wheelBehind) bucket.push(sequence);
  return bucket;
}
