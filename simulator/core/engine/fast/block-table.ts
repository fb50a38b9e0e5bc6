import type { CachedBlock } from "./cached-block.ts";

const sizeMin = 64;

/**
 * Cached blocks by key: a hash table with open addressing, since a look-up here is what a request with shared prefixes costs most. Eight keys in a row stand side by
 * side (a prompt's blocks are looked for in order); what is removed is closed up at once, so that nothing is ever rebuilt but for growth. At most half is in use.
 */
export class BlockTable {
  #keys = new Float64Array(sizeMin);
  #blocks = nothing(sizeMin);
  #mask = sizeMin - 1;
  #count = 0;

  get(key: number): CachedBlock | null {
    return this.#blocks[this.#placeOf(key)] ?? null;
  }

  set(key: number, block: CachedBlock): void {
    const place = this.#placeOf(key);
    if (this.#blocks[place] === null) this.#count += 1;
    this.#keys[place] = key;
    this.#blocks[place] = block;
    if (this.#count * 2 > this.#mask) this.#grow();
  }

  delete(key: number): void {
    let hole = this.#placeOf(key);
    if (this.#blocks[hole] === null) return;
    this.#count -= 1;
    for (let place = (hole + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const block = this.#blocks[place] ?? null;
      if (block === null) break;
      const home = homeOf(this.#keys[place] ?? 0, this.#mask);
      // It may move to the hole unless that lies before its home.
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      this.#keys[hole] = this.#keys[place] ?? 0;
      this.#blocks[hole] = block;
      hole = place;
    }
    this.#blocks[hole] = null;
  }

  /** Where the key is, or would be put. */
  #placeOf(key: number): number {
    let place = homeOf(key, this.#mask);
    while (this.#blocks[place] !== null && this.#keys[place] !== key) place = (place + 1) & this.#mask;
    return place;
  }

  #grow(): void {
    const keys = this.#keys;
    const blocks = this.#blocks;
    const size = blocks.length * 2;
    this.#keys = new Float64Array(size);
    this.#blocks = nothing(size);
    this.#mask = size - 1;
    for (let place = 0; place < blocks.length; place += 1) {
      const block = blocks[place] ?? null;
      if (block === null) continue;
      const at = this.#placeOf(keys[place] ?? 0);
      this.#keys[at] = keys[place] ?? 0;
      this.#blocks[at] = block;
    }
  }
}

function nothing(size: number): (CachedBlock | null)[] {
  const blocks: (CachedBlock | null)[] = [];
  while (blocks.length < size) blocks.push(null);
  return blocks;
}

/** Keys beyond 32 bits fall together with those below: rare, and only slower. */
function homeOf(key: number, mask: number): number {
  const low = key | 0;
  return ((Math.imul(low >> 3, 0x9e3779b1) >>> 12) * 8 + (low & 7)) & mask;
}
