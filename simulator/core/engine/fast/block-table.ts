import { noBlock } from "./cached-blocks.ts";

const sizeMin = 8;

/**
 * Cached blocks by key: a hash table with open addressing, since a look-up here is what a request with shared prefixes costs most. Eight keys in a row stand side by
 * side (a prompt's blocks are looked for in order); what is removed is closed up at once, so that nothing is ever rebuilt but for growth. At most half is in use.
 */
export class BlockTable {
  #keys = new Float64Array(sizeMin);
  #blocks = new Int32Array(sizeMin);
  #mask = sizeMin - 1;
  #count = 0;

  /** noBlock: nobody has it. */
  get(key: number): number {
    return this.#blocks[this.#placeOf(key)] ?? noBlock;
  }

  /** @returns who has the key already, and keeps it; noBlock: the block has it now */
  add(key: number, block: number): number {
    const place = this.#placeOf(key);
    const holder = this.#blocks[place] ?? noBlock;
    if (holder !== noBlock) return holder;
    this.#keys[place] = key;
    this.#blocks[place] = block;
    this.#count += 1;
    if (this.#count * 2 > this.#mask) this.#grow();
    return noBlock;
  }

  /** Gives the key of `holder` to the next one; noBlock: nobody has it any more. @returns false: somebody else holds it */
  pass(key: number, holder: number, next: number): boolean {
    const place = this.#placeOf(key);
    if (this.#blocks[place] !== holder) return false;
    if (next === noBlock) this.#empty(place);
    else this.#blocks[place] = next;
    return true;
  }

  #empty(emptied: number): void {
    let hole = emptied;
    this.#count -= 1;
    for (let place = (hole + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const block = this.#blocks[place] ?? noBlock;
      if (block === noBlock) break;
      const home = homeOf(this.#keys[place] ?? 0, this.#mask);
      // It may move to the hole unless that lies before its home.
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      this.#keys[hole] = this.#keys[place] ?? 0;
      this.#blocks[hole] = block;
      hole = place;
    }
    this.#blocks[hole] = noBlock;
  }

  /** Where the key is, or would be put. */
  #placeOf(key: number): number {
    const keys = this.#keys;
    const blocks = this.#blocks;
    const mask = this.#mask;
    let place = homeOf(key, mask);
    while (blocks[place] !== noBlock && keys[place] !== key) place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const keys = this.#keys;
    const blocks = this.#blocks;
    const size = blocks.length * 4;
    this.#keys = new Float64Array(size);
    this.#blocks = new Int32Array(size);
    this.#mask = size - 1;
    for (const [place, block] of blocks.entries()) {
      if (block === noBlock) continue;
      const at = this.#placeOf(keys[place] ?? 0);
      this.#keys[at] = keys[place] ?? 0;
      this.#blocks[at] = block;
    }
  }
}

/** Keys beyond 32 bits fall together with those below: rare, and only slower. */
function homeOf(key: number, mask: number): number {
  const low = key | 0;
  return ((Math.imul(low >> 3, 0x9e3779b1) >>> 12) * 8 + (low & 7)) & mask;
}
