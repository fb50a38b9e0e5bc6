import fc from "fast-check";
import { expect, test } from "vitest";
import type { SequenceId } from "../../../../../simulator/core/engine/engine.ts";
import { KvMemory } from "../../../../../simulator/core/engine/fast/kv-memory.ts";
import { Sequence } from "../../../../../simulator/core/engine/fast/sequence.ts";
import { KvCache } from "../../../../../simulator/core/engine/plain/kv-cache.ts";
import { createPlainRequest, type PlainRequest } from "../../../../../simulator/core/engine/plain/plain-request.ts";
import "../../../../support/fixed-seed.ts";

/** Blocks of one token, so that counts of tokens and of blocks are the same. */
const blocks = 40;

/** One sequence in both memories. */
interface Pair {
  readonly keys: readonly number[];
  readonly plain: PlainRequest;
  readonly fast: Sequence;
  computed: number;
  runs: boolean;
}

interface Step {
  readonly does: "admit" | "grow" | "end" | "preempt" | "forget";
  /** Whom, and how much, as draws. */
  readonly who: number;
  readonly much: number;
}

const lengthOf = ({ promptTokens, outputs }: Sequence): number => promptTokens + outputs;

/** Whether a chain goes on from an earlier one, after how many of its blocks, and how many new ones follow. */
interface ChainSpec {
  readonly from: number;
  readonly shared: number;
  readonly added: number;
  /** Its last blocks are the output's, and nobody has named them. */
  readonly unnamed: number;
}

const chainSpec = fc.record({ from: fc.nat(40), shared: fc.nat(12), added: fc.nat(8), unnamed: fc.constantFrom(0, 0, 1, 4) });
const step = fc.record({ does: fc.constantFrom("admit", "admit", "grow", "grow", "grow", "end", "preempt", "forget"), who: fc.nat(1000), much: fc.nat(9) });

test("it finds, frees and evicts what a pool of single blocks does, in the same order", () => {
  fc.assert(
    fc.property(fc.array(chainSpec, { minLength: 1, maxLength: 6 }), fc.array(step, { minLength: 50, maxLength: 400, size: "max" }), (specs, steps) => {
      const { plain, fast } = memories();
      const pairs = chainsOf(specs).map((keys, id) => pairOf(id, keys, (specs[id] as ChainSpec).unnamed));
      for (const { does, who, much } of steps) {
        const pair = pairs[who % pairs.length] as Pair;
        act(pair, { does, who, much });
        expect(fast.free).toBe(plain.pool.free);
        for (const waiting of pairs) if (!waiting.runs) expectSameHits(waiting);
      }
      // The free queue shows its order block by block.
      for (const pair of pairs) if (pair.runs) act(pair, { does: "end", who: 0, much: 0 });
      for (let left = plain.pool.free; left > 0; left -= 1) {
        plain.pool.take();
        fast.take(1);
        for (const pair of pairs) expectSameHits(pair);
      }

      function act(pair: Pair, { does, much }: Step): void {
        if (does === "admit" && !pair.runs) admit(pair, much);
        else if (does === "forget" && !pair.runs) {
          fast.forgetKept(pair.fast);
          startAnew(pair);
        } else if (does === "grow" && pair.runs) grow(pair, much);
        else if (pair.runs) release(pair, does === "preempt");
      }

      function expectSameHits({ plain: request, fast: sequence }: Pair): { hits: number; reclaimed: number } {
        const into = { hits: 0, reclaimed: 0 };
        fast.lookUp(sequence, lengthOf(sequence) - 1, into);
        const hits = plain.hitsOf(request);
        const reclaimed = hits.filter((block) => plain.pool.isFree(block)).length;
        const isAlike = into.hits === hits.length && into.reclaimed === reclaimed;
        // Very often: told only where it differs.
        if (!isAlike && (sequence.keys !== null || sequence.kept !== null)) expect(into).toEqual({ hits: hits.length, reclaimed });
        return into;
      }

      function admit(pair: Pair, much: number): void {
        const { hits, reclaimed } = expectSameHits(pair);
        const tokens = 1 + (much % (lengthOf(pair.fast) - hits));
        if (tokens + reclaimed > plain.pool.free) return;
        expect(plain.admit(pair.plain, plain.hitsOf(pair.plain), tokens, 0, true)).toBe(true);
        if (hits > 0 || pair.fast.kept !== null) fast.share(pair.fast, hits);
        fast.take(tokens);
        fast.publish(pair.fast, hits + tokens);
        pair.computed = hits + tokens;
        pair.runs = true;
      }

      function grow(pair: Pair, much: number): void {
        const tokens = Math.min(much, lengthOf(pair.fast) - pair.computed);
        if (tokens > plain.pool.free) return;
        pair.plain.computed = pair.computed;
        expect(plain.grow(pair.plain, tokens, 0)).toBe(true);
        fast.take(tokens);
        pair.computed += tokens;
        fast.publish(pair.fast, pair.computed);
      }

      function release(pair: Pair, keep: boolean): void {
        plain.release(pair.plain);
        fast.release(pair.fast, pair.computed, pair.computed, keep);
        pair.computed = 0;
        pair.runs = false;
        if (!keep) startAnew(pair);
      }
    }),
    { numRuns: 100 },
  );
}, 120_000);

function memories(): { plain: KvCache; fast: KvMemory } {
  const plain = new KvCache({
    blockTokens: 1,
    blocks: blocks + 1,
    modelTokensMax: 1000,
    prefixCaching: true,
    reserveFullSequence: false,
    watermark: 0,
    dropsHitBlock: false,
    reservesModelLength: false,
  });
  return { plain, fast: new KvMemory(blocks) };
}

/** Every key names all that stands before it. */
function chainsOf(specs: readonly ChainSpec[]): number[][] {
  const chains: number[][] = [];
  let named = 0;
  for (const { from, shared, added } of specs) {
    const keys = (chains[from % (chains.length + 1)] ?? []).slice(0, shared);
    for (let left = added; left > 0; left -= 1) keys.push(++named);
    chains.push(keys);
  }
  return chains;
}

function pairOf(id: number, keys: readonly number[], unnamed: number): Pair {
  const length = keys.length + unnamed + 1;
  const plain = createPlainRequest({ id: id as SequenceId, promptTokens: length, stopAfter: Infinity, outputTokensMax: 1, priority: 0, arrival: 0, keys });
  const fast = new Sequence(id);
  fast.promptTokens = length;
  const pair = { keys, plain, fast, computed: 0, runs: false };
  startAnew(pair);
  return pair;
}

/** Who comes after it knows nothing of the blocks that only it could look for. */
function startAnew({ keys, plain, fast }: Pair): void {
  plain.chain.length = keys.length;
  fast.keys = keys.length === 0 ? null : keys;
}
