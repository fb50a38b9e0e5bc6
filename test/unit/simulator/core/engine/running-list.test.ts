import fc from "fast-check";
import { expect, test } from "vitest";
import { addRunner, lastRunner, removeRunner, runnerAt, type RunningList, runnersMin } from "../../../../../simulator/core/engine/fast/running-list.ts";
import { Sequence } from "../../../../../simulator/core/engine/fast/sequence.ts";
import "../../../../support/fixed-seed.ts";

function idsOf(list: RunningList): number[] {
  const ids: number[] = [];
  for (let place = list.runningFrom; place < list.runningTo; place++) {
    const sequence = runnerAt(list, place);
    if (sequence !== null) ids.push(sequence.id);
  }
  return ids;
}

test("the running list keeps the order of those who came, whoever leaves from where, and stays a few times as long as they are", () => {
  const steps = fc.array(fc.record({ adds: fc.nat(24), removes: fc.array(fc.nat(), { maxLength: 24 }), last: fc.nat(6) }), { maxLength: 40 });
  fc.assert(
    fc.property(steps, (all) => {
      const list: RunningList = { running: 0, runners: Array<Sequence | null>(runnersMin).fill(null), runningFrom: 0, runningTo: 0 };
      const truth: Sequence[] = [];
      let most = 0;
      for (const { adds, removes, last } of all) {
        for (let left = adds; left > 0; left--) {
          const sequence = new Sequence(truth.length === 0 ? 0 : (truth.at(-1) as Sequence).id + 1);
          addRunner(list, sequence);
          truth.push(sequence);
        }
        most = Math.max(most, truth.length);
        for (const place of removes) if (truth.length > 0) removeRunner(list, truth.splice(place % truth.length, 1)[0] as Sequence);
        for (let left = Math.min(last, truth.length); left > 0; left--) {
          expect(lastRunner(list)).toBe(truth.at(-1));
          removeRunner(list, truth.pop() as Sequence);
        }
        expect(idsOf(list)).toEqual(truth.map(({ id }) => id));
        expect(list.running).toBe(truth.length);
        expect(lastRunner(list)).toBe(truth.at(-1) ?? null);
        if (truth.length > 0) expect(runnerAt(list, list.runningFrom)).toBe(truth[0]);
        expect(list.runners.length).toBeLessThanOrEqual(Math.max(runnersMin, 8 * most));
      }
    }),
  );
});
