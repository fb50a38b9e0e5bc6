/**
 * A hash table from whole numbers (up to 2^53) to slots 0, 1, 2, ..., in typed arrays: open addressing with linear probing, at most half full, removal by shifting back.
 * A Map of numbers would take four times the memory, and throws at 2^24 entries.
 */
export class IntegerMap {
  #keys: Float64Array;
  #slots: Int32Array;
  #mask: number;
  #size = 0;

  constructor(capacity: number) {
    let places = 1024;
    while (places < capacity * 2) places *= 2;
    this.#keys = new Float64Array(places);
    this.#slots = new Int32Array(places).fill(-1);
    this.#mask = places - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** -1: absent. */
  get(key: number): number {
    return this.#slots[this.#placeOf(key)] ?? -1;
  }

  set(key: number, slot: number): void {
    let place = this.#placeOf(key);
    if (this.#slots[place] === -1) {
      if (this.#size * 2 >= this.#mask) {
        this.#grow();
        place = this.#placeOf(key);
      }
      this.#size += 1;
      this.#keys[place] = key;
    }
    this.#slots[place] = slot;
  }

  remove(key: number): void {
    let hole = this.#placeOf(key);
    if (this.#slots[hole] === -1) return;
    this.#size -= 1;
    for (let place = (hole + 1) & this.#mask; this.#slots[place] !== -1; place = (place + 1) & this.#mask) {
      const home = hashOf(this.#keys[place] ?? 0) & this.#mask;
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      this.#keys[hole] = this.#keys[place] ?? 0;
      this.#slots[hole] = this.#slots[place] ?? -1;
      hole = place;
    }
    this.#slots[hole] = -1;
  }

  clear(): void {
    this.#slots.fill(-1);
    this.#size = 0;
  }

  /** Where the key is, or where it would go. */
  #placeOf(key: number): number {
    let place = hashOf(key) & this.#mask;
    while (this.#slots[place] !== -1 && this.#keys[place] !== key) place = (place + 1) & this.#mask;
    return place;
  }

  #grow(): void {
    const [keys, slots] = [this.#keys, this.#slots];
    this.#keys = new Float64Array(keys.length * 2);
    this.#slots = new Int32Array(keys.length * 2).fill(-1);
    this.#mask = keys.length * 2 - 1;
    for (let place = 0; place < slots.length; place += 1) {
      const slot = slots[place] ?? -1;
      if (slot === -1) continue;
      const key = keys[place] ?? 0;
      const to = this.#placeOf(key);
      this.#keys[to] = key;
      this.#slots[to] = slot;
    }
  }
}

function hashOf(key: number): number {
  let hash = Math.imul((key | 0) ^ Math.imul(Math.floor(key / 4294967296), 0x9e3779b9), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
