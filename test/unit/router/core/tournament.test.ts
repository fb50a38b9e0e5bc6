import fc from "fast-check";
import { expect, test } from "vitest";
import { hasKey, removeKey, setKey, leastId, newTournament } from "../../../../router/core/tournament.ts";

test("it is always the smallest (key, id) of what was set and not removed", () => {
  const step = fc.record({ id: fc.nat(30), key: fc.oneof(fc.nat(20), fc.constant(Infinity)), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const tournament = newTournament();
      const model = new Map<number, number>();
      for (const { id, key, remove } of steps) {
        if (remove) {
          removeKey(tournament, id);
          model.delete(id);
        } else {
          setKey(tournament, id, key);
          if (key === Infinity) model.delete(id);
          else model.set(id, key);
        }
        const [topId, topKey] = [...model].sort(([oneId, one], [otherId, other]) => one - other || oneId - otherId)[0] ?? [-1, Infinity];
        expect([leastId(tournament), tournament.least, tournament.count]).toEqual([topId, topKey, model.size]);
        expect(hasKey(tournament, id)).toBe(model.has(id));
      }
    }),
  );
});
