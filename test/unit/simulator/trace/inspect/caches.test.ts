import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CacheCurves } from "../../../../../simulator/trace/inspect/cache-curves.ts";
import { IntegerMap } from "../../../../../simulator/trace/inspect/integer-map.ts";
import { LfuCache } from "../../../../../simulator/trace/inspect/lfu-cache.ts";
import { LruStack } from "../../../../../simulator/trace/inspect/lru-stack.ts";
import { SeenIds } from "../../../../../simulator/trace/inspect/seen-ids.ts";

const anyBlocks = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 8 });
const anyTrace = fc.array(anyBlocks, { maxLength: 80 });

/** LRU as it is told in words. */
function plainLru(trace: readonly (readonly number[])[], capacity: number): readonly [number, number] {
  let resident: number[] = [];
  let leading = 0;
  let any = 0;
  for (const blocks of trace) {
    const hits = blocks.map((block) => resident.includes(block));
    any += hits.filter((hit) => hit).length;
    leading += hits.includes(false) ? hits.indexOf(false) : hits.length;
    for (const block of blocks.toReversed()) resident = [...resident.filter((other) => other !== block), block];
    resident = resident.slice(-capacity);
  }
  return [leading, any];
}

test("one stack tells what LRU caches of all sizes hold", () => {
  fc.assert(
    fc.property(anyTrace, (trace) => {
      const capacities = [1, 2, 5, 12];
      const curves = new CacheCurves(1, capacities, []);
      for (const blocks of trace) curves.add(blocks, blocks.length);
      const { lru_tail_first_touch: lru, blocks } = curves.figures();
      for (const capacity of capacities) {
        const [leading, any] = plainLru(trace, capacity);
        expect((lru[String(capacity)]?.block_prefix ?? NaN) * blocks).toBeCloseTo(leading, 2);
        expect((lru[String(capacity)]?.block_any ?? NaN) * blocks).toBeCloseTo(any, 2);
      }
    }),
  );
});

test("touch times are given again when they are used up", () => {
  const stack = new LruStack(3);
  for (let round = 0; round < 200_000; round += 1) {
    stack.touch(round % 5);
    stack.evict();
  }
  expect([0, 1, 2, 3, 4].map((block) => stack.depth(block))).toEqual([Infinity, Infinity, 2, 1, 0]);
});

test("LFU evicts the least used, of several the one touched longest ago, and forgets counts with it", () => {
  fc.assert(
    fc.property(anyTrace, fc.integer({ min: 1, max: 12 }), (trace, capacity) => {
      const cache = new LfuCache(capacity);
      const plain = new Map<number, { count: number; touched: number }>();
      let clock = 0;
      for (const block of trace.flat()) {
        clock += 1;
        expect(cache.has(block)).toBe(plain.has(block));
        cache.touch(block);
        const entry = plain.get(block);
        if (entry === undefined && plain.size === capacity) {
          const [[evicted] = [0]] = [...plain].toSorted(([, one], [, other]) => one.count - other.count || one.touched - other.touched);
          plain.delete(evicted);
        }
        plain.set(block, { count: (entry?.count ?? 0) + 1, touched: clock });
      }
    }),
  );
});

test("the hash table does what a Map does", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.constantFrom("set", "remove"),
          fc.integer({ min: 0, max: 50 }).map((key) => (key % 3 === 0 ? key * 2 ** 33 : key)),
        ),
        { maxLength: 300 },
      ),
      (moves) => {
        const table = new IntegerMap(2);
        const map = new Map<number, number>();
        for (const [place, [move, key]] of moves.entries()) {
          if (move === "set") {
            table.set(key, place);
            map.set(key, place);
          } else {
            table.remove(key);
            map.delete(key);
          }
          expect(table.size).toBe(map.size);
          for (const [, other] of moves) expect(table.get(other)).toBe(map.get(other) ?? -1);
        }
      },
    ),
  );
});

test("seen ids, small and large", () => {
  const seen = new SeenIds();
  const ids = [0, 31, 32, 65_535, 65_536, 2 ** 29 - 1, 2 ** 29, 2 ** 40];
  for (const id of [...ids, ...ids]) seen.add(id);
  expect(seen.count).toBe(ids.length);
  expect(ids.every((id) => seen.has(id))).toBe(true);
  expect([1, 33, 2 ** 30].some((id) => seen.has(id))).toBe(false);
  expect(seen.exact).toBe(true);
});
