import { BlockPool } from "./block-pool.ts";
import { lengthOf } from "./plain-request.ts";
import type { PlainRequest } from "./plain-request.ts";

export interface KvCacheRules {
  readonly blockTokens: number;
  readonly blocks: number;
  readonly modelTokensMax: number;
  readonly prefixCaching: boolean;
  readonly reserveFullSequence: boolean;
  readonly watermark: number;
  /** EAGLE needs the hidden state of the last cached token, so it gives one further block up. */
  readonly dropsHitBlock: boolean;
  /** Static batching: a sequence owns room for modelTokensMax from the start. */
  readonly reservesModelLength: boolean;
}

/** Which blocks a sequence owns, shares and finds again (vLLM's KVCacheManager). */
export class KvCache {
  readonly pool: BlockPool;
  readonly #rules: KvCacheRules;
  readonly #watermarkBlocks: number;
  /** Contents that nobody else can have; above every id of a caller. */
  #privateIds = 4_294_967_296;

  constructor(rules: KvCacheRules) {
    this.#rules = rules;
    this.pool = new BlockPool(rules.blocks);
    this.#watermarkBlocks = Math.trunc(rules.watermark * rules.blocks);
  }

  /** Blocks of the longest cached prefix. A complete hit drops its last block: at least one token must be computed. */
  hitsOf(request: PlainRequest): number[] {
    const hits: number[] = [];
    if (!this.#rules.prefixCaching) return hits;
    const blocksMax = Math.floor((lengthOf(request) - 1) / this.#rules.blockTokens);
    while (hits.length < blocksMax) {
      const block = this.pool.holderOf(this.#hashOf(request, hits.length));
      if (block === 0) break;
      hits.push(block);
    }
    if (this.#rules.dropsHitBlock) hits.pop();
    return hits;
  }

  /** Blocks for the next `tokens` of a running sequence. False: too few are free, and nothing has changed. */
  grow(request: PlainRequest, tokens: number, lookahead: number): boolean {
    const target = this.#blocksFor(request.computed + tokens + lookahead);
    if (target - request.blocks.length > this.pool.free) return false;
    this.#take(request, target);
    this.publish(request, Math.min(request.computed + tokens, lengthOf(request)));
    return true;
  }

  /**
   * Blocks for the first `tokens` of a sequence behind its hits; others find them when they are computed, or have come.
   * @param alone nothing else is running, so that the watermark does not apply
   */
  admit(request: PlainRequest, hits: readonly number[], tokens: number, lookahead: number, alone: boolean): boolean {
    const hitTokens = hits.length * this.#rules.blockTokens;
    const reclaimed = hits.filter((block) => this.pool.isFree(block)).length;
    const watermark = alone ? 0 : this.#watermarkBlocks;
    const target = this.#blocksFor(this.#rules.reservesModelLength ? this.#rules.modelTokensMax : hitTokens + tokens + lookahead);
    const whole = this.#rules.reserveFullSequence ? Math.max(target, this.#blocksFor(lengthOf(request))) : target;
    if (whole - hits.length + reclaimed + watermark > this.pool.free) return false;
    for (const block of hits) this.pool.share(block);
    request.blocks = [...hits];
    request.hashedBlocks = hits.length;
    request.computed = hitTokens;
    this.#take(request, target);
    if (request.remoteTokens === 0) this.publish(request, Math.min(hitTokens + tokens, lengthOf(request)));
    return true;
  }

  /** Gives the sequence's full blocks up to `tokens` their hashes. */
  publish(request: PlainRequest, tokens: number): void {
    if (!this.#rules.prefixCaching) return;
    const full = Math.floor(tokens / this.#rules.blockTokens);
    for (; request.hashedBlocks < full; request.hashedBlocks++) {
      this.pool.publish(request.blocks[request.hashedBlocks] ?? 0, this.#hashOf(request, request.hashedBlocks));
    }
  }

  release(request: PlainRequest): void {
    this.pool.release(request.blocks);
    request.blocks = [];
    request.hashedBlocks = 0;
  }

  #take(request: PlainRequest, target: number): void {
    while (request.blocks.length < target) request.blocks.push(this.pool.take());
  }

  #blocksFor(tokens: number): number {
    return Math.ceil(Math.min(tokens, this.#rules.modelTokensMax) / this.#rules.blockTokens);
  }

  #hashOf(request: PlainRequest, index: number): number {
    while (request.chain.length <= index) request.chain.push(++this.#privateIds);
    return request.chain[index] ?? 0;
  }
}
