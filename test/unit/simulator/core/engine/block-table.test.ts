import fc from "fast-check";
import { expect, test } from "vitest";
import { BlockTable } from "../../../../../simulator/core/engine/fast/block-table.ts";
import { noBlock } from "../../../../../simulator/core/engine/fast/cached-blocks.ts";
import "../../../../support/fixed-seed.ts";

/** Few enough to meet again, in rows, at the top of 31 bits, and beyond 32. */
const keys = fc.oneof(fc.nat(60), fc.nat(2_000), fc.integer({ min: 0x7fffff00, max: 0x7fffffff }), fc.integer({ min: 4_294_967_296, max: 4_294_967_400 }));

test("it holds what a Map holds, whatever is put in and taken out", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ key: keys, puts: fc.boolean(), passes: fc.boolean() }), { maxLength: 3_000 }), (steps) => {
      const table = new BlockTable();
      const map = new Map<number, number>();
      for (const [place, { key, puts, passes }] of steps.entries()) {
        const block = place + 1;
        if (puts) {
          expect(table.add(key, block)).toBe(map.get(key) ?? noBlock);
          if (!map.has(key)) map.set(key, block);
        } else if (passes) {
          const holder = map.get(key);
          expect(table.pass(key, holder ?? -1, block)).toBe(holder !== undefined);
          if (holder !== undefined) map.set(key, block);
        } else {
          expect(table.pass(key, map.get(key) ?? -1, noBlock)).toBe(map.delete(key));
        }
        expect(table.get(key)).toBe(map.get(key) ?? noBlock);
      }
      for (const { key } of steps) expect(table.get(key)).toBe(map.get(key) ?? noBlock);
    }),
    { numRuns: 200 },
  );
});
