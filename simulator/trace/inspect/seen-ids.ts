import { IntegerMap } from "./integer-map.ts";

const pageBits = 1 << 16;
const pagedBelow = 2 ** 29;
const othersMax = 2_000_000;

/**
 * Which ids were seen, exactly: ids below 2^29 as bits in pages (64 MB at most), 2 million others in a table. Beyond that nothing is added, and `exact` says so.
 */
export class SeenIds {
  readonly #pages: (Int32Array | undefined)[] = [];
  readonly #others = new IntegerMap(1024);
  #count = 0;
  #exact = true;

  get count(): number {
    return this.#count;
  }

  get exact(): boolean {
    return this.#exact;
  }

  has(id: number): boolean {
    if (id >= pagedBelow) return this.#others.get(id) !== -1;
    const word = this.#pages[id >>> 16]?.[(id & (pageBits - 1)) >>> 5] ?? 0;
    return (word & (1 << (id & 31))) !== 0;
  }

  add(id: number): void {
    if (id >= pagedBelow) {
      this.#addOther(id);
      return;
    }
    const page = (this.#pages[id >>> 16] ??= new Int32Array(pageBits >>> 5));
    const place = (id & (pageBits - 1)) >>> 5;
    const word = page[place] ?? 0;
    const bit = 1 << (id & 31);
    if ((word & bit) !== 0) return;
    page[place] = word | bit;
    this.#count += 1;
  }

  #addOther(id: number): void {
    if (this.#others.get(id) !== -1) return;
    if (this.#others.size >= othersMax) {
      this.#exact = false;
      return;
    }
    this.#others.set(id, 1);
    this.#count += 1;
  }
}
