import { LfuCache } from "./lfu-cache.ts";
import { LruStack } from "./lru-stack.ts";
import { SeenIds } from "./seen-ids.ts";

/**
 * What one prefix cache for the whole file would have served, by its size in blocks. Per request: look up, then touch. LRU touches a prompt's blocks from last to first, so
 * that its beginning is evicted last, and evicts down to its size after the request; LFU touches first to last and evicts at each insertion.
 */
export interface CacheFigures {
  readonly blocks: number;
  readonly unique_blocks: number;
  readonly unique_blocks_exact: boolean;
  readonly block_tokens: number;
  readonly lru_tail_first_touch: Readonly<Record<string, LruFigures>>;
  readonly lfu_prefix_token: Readonly<Record<string, number>>;
}
export interface LruFigures {
  /** Leading hits over blocks. */
  readonly block_prefix: number;
  /** Resident blocks over blocks. */
  readonly block_any: number;
  /** Tokens of leading hits, at most the input, over input. */
  readonly token: number;
  /** Mean over the requests of leading hits over blocks. */
  readonly request_mean: number;
}

export const lruCapacities = [1000, 5859, 10_000, 30_000, 50_000, 100_000] as const;
const lfuCapacities = [1000, 10_000, 50_000] as const;

interface Sums {
  leading: number;
  resident: number;
  tokens: number;
  shares: number;
}
const noSums = (): Sums => ({ leading: 0, resident: 0, tokens: 0, shares: 0 });

export class CacheCurves {
  readonly #blockTokens: number;
  readonly #capacities: readonly number[];
  readonly #stack: LruStack;
  readonly #seen = new SeenIds();
  readonly #lru: readonly Sums[];
  readonly #unbounded = noSums();
  readonly #lfu: readonly { readonly capacity: number; readonly cache: LfuCache; tokens: number }[];
  #blocks = 0;
  #requests = 0;
  #inputTokens = 0;
  #depths = new Float64Array(256);

  constructor(blockTokens: number, capacities: readonly number[] = lruCapacities, lfu: readonly number[] = lfuCapacities) {
    this.#blockTokens = blockTokens;
    this.#capacities = capacities.toSorted((one, other) => one - other);
    this.#stack = new LruStack(this.#capacities.at(-1) ?? 1);
    this.#lru = this.#capacities.map(noSums);
    this.#lfu = lfu.map((capacity) => ({ capacity, cache: new LfuCache(capacity), tokens: 0 }));
  }

  /** False: the unbounded cache forgot some. */
  get exact(): boolean {
    return this.#seen.exact;
  }

  add(blocks: readonly number[], inputTokens: number): void {
    this.#requests += 1;
    this.#inputTokens += inputTokens;
    this.#blocks += blocks.length;
    this.#lookUp(blocks, inputTokens);
    for (let index = blocks.length - 1; index >= 0; index -= 1) this.#stack.touch(blocks[index] ?? 0);
    this.#stack.evict();
    for (const each of this.#lfu) {
      let leading = 0;
      while (leading < blocks.length && each.cache.has(blocks[leading] ?? 0)) leading += 1;
      each.tokens += Math.min(leading * this.#blockTokens, inputTokens);
      for (const block of blocks) each.cache.touch(block);
    }
  }

  figures(): CacheFigures {
    const share = (sums: Sums): LruFigures => ({
      block_prefix: sixDigits(sums.leading / this.#blocks),
      block_any: sixDigits(sums.resident / this.#blocks),
      token: sixDigits(sums.tokens / this.#inputTokens),
      request_mean: sixDigits(sums.shares / this.#requests),
    });
    return {
      blocks: this.#blocks,
      unique_blocks: this.#seen.count,
      unique_blocks_exact: this.#seen.exact,
      block_tokens: this.#blockTokens,
      lru_tail_first_touch: {
        inf: share(this.#unbounded),
        ...Object.fromEntries(this.#capacities.map((capacity, place) => [String(capacity), share(this.#lru[place] ?? noSums())])),
      },
      lfu_prefix_token: Object.fromEntries(this.#lfu.map(({ capacity, tokens }) => [String(capacity), sixDigits(tokens / this.#inputTokens)])),
    };
  }

  #lookUp(blocks: readonly number[], inputTokens: number): void {
    if (this.#depths.length < blocks.length) this.#depths = new Float64Array(blocks.length * 2);
    const depths = this.#depths;
    let leading = 0;
    let resident = 0;
    for (let index = 0; index < blocks.length; index += 1) {
      const block = blocks[index] ?? 0;
      depths[index] = this.#stack.depth(block);
      if (!this.#seen.has(block)) continue;
      resident += 1;
      if (leading === index) leading += 1;
    }
    for (const block of blocks) this.#seen.add(block);
    this.#count(this.#unbounded, leading, resident, blocks.length, inputTokens);
    for (const [place, capacity] of this.#capacities.entries()) {
      let hits = 0;
      let all = 0;
      for (let index = 0; index < blocks.length; index += 1) {
        if ((depths[index] ?? Infinity) >= capacity) continue;
        all += 1;
        if (hits === index) hits += 1;
      }
      this.#count(this.#lru[place] ?? noSums(), hits, all, blocks.length, inputTokens);
    }
  }

  #count(sums: Sums, leading: number, resident: number, blocks: number, inputTokens: number): void {
    sums.leading += leading;
    sums.resident += resident;
    sums.tokens += Math.min(leading * this.#blockTokens, inputTokens);
    sums.shares += blocks === 0 ? 0 : leading / blocks;
  }
}

const sixDigits = (value: number): number => (Number.isFinite(value) ? Number(value.toFixed(6)) : 0);
