import { nextUnit, type RandomState } from "../../../router/core/random.ts";
import type { SampleRow, WorkloadModel } from "./workload-model.ts";

interface Past {
  readonly atUs: number;
  readonly blocks: readonly number[];
  readonly session: number;
  continued: boolean;
}

const kept = 100_000;
const looked = 400;
/** Last touches are kept for so many blocks, by the low bits of their numbers: those of long ago are overwritten. */
const touchesKept = 1 << 22;

/**
 * Gives a request the prefix of an earlier one: of the one nearest to the instant that lies the sampled reuse time back, that has blocks enough, and that was the last to
 * touch them. What is beyond the reused blocks is new. A request that reuses more than the system prompt continues the other's session.
 */
export class PastRequests {
  readonly #model: WorkloadModel;
  readonly #random: RandomState;
  /** The last of them, in the order of time; the first `#start` are given up. */
  #past: Past[] = [];
  #nextBlock: number;
  #sessions = 0;
  readonly #touchedUs = new Float64Array(touchesKept);

  constructor(model: WorkloadModel, random: RandomState) {
    this.#model = model;
    this.#random = random;
    this.#nextBlock = model.sharedBlocks;
  }

  next(
    atUs: number,
    [, , leading, afterSeconds]: SampleRow,
    inputTokens: number,
    tokensFactor: number,
  ): { readonly blocks: readonly number[] | null; readonly session: string } {
    const { blockTokens, sharedBlocks } = this.#model;
    const wanted = blockTokens === null ? 0 : Math.max(Math.min(leading, sharedBlocks), Math.round(leading * tokensFactor));
    const continues = afterSeconds >= 0 && (blockTokens === null || wanted > sharedBlocks);
    const other = continues ? this.#find(atUs - afterSeconds * 1_000_000, wanted) : null;
    const blocks = blockTokens === null ? [] : this.#chain(other, wanted, Math.ceil(inputTokens / blockTokens));
    const session = other?.session ?? this.#sessions;
    if (other === null) this.#sessions += 1;
    else other.continued = true;
    for (const block of blocks) this.#touchedUs[block & (touchesKept - 1)] = atUs;
    this.#past.push({ atUs, blocks, session, continued: false });
    if (this.#past.length > 2 * kept) this.#past = this.#past.slice(kept);
    return { blocks: blockTokens === null ? null : blocks, session: `s${session}` };
  }

  #chain(other: Past | null, wanted: number, length: number): readonly number[] {
    const shared = Math.min(length, this.#model.sharedBlocks);
    const reused = other === null ? shared : Math.min(length, wanted);
    const blocks = other === null ? Array.from({ length: shared }, (_, place) => place) : other.blocks.slice(0, reused);
    while (blocks.length < length) {
      blocks.push(this.#nextBlock);
      this.#nextBlock += 1;
    }
    return blocks;
  }

  /** Null: none is near that has so many blocks. */
  #find(atUs: number, blocks: number): Past | null {
    let after = this.#firstAfter(atUs);
    let before = after - 1;
    let second: Past | null = null;
    for (let step = 0; step < looked; step += 1) {
      const later = this.#past[after];
      const earlier = this.#past[before];
      if (later === undefined && earlier === undefined) break;
      const takeLater =
        earlier === undefined ||
        (later !== undefined && (later.atUs - atUs < atUs - earlier.atUs || (later.atUs - atUs === atUs - earlier.atUs && nextUnit(this.#random) < 0.5)));
      const candidate = takeLater ? later : earlier;
      if (takeLater) after += 1;
      else before -= 1;
      if (candidate === undefined || candidate.blocks.length < blocks) continue;
      if (this.#wasLast(candidate, blocks)) return candidate;
      second ??= candidate;
    }
    return second;
  }

  #wasLast({ atUs, blocks, continued }: Past, count: number): boolean {
    const last = blocks[count - 1];
    return last === undefined ? !continued : this.#touchedUs[last & (touchesKept - 1)] === atUs;
  }

  #firstAfter(atUs: number): number {
    let low = 0;
    let high = this.#past.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#past[middle]?.atUs ?? 0) > atUs) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
