import type { Sequence } from "./sequence.ts";

/**
 * A list that is emptied and filled again all the time: emptying it keeps its memory (an array whose length is set to 0 gives it back). Nearly always it holds one at
 * most, which stands in the object itself: of hundreds of engines none finds its arrays in the cache.
 */
export class SequenceBag {
  count = 0;
  #first: Sequence | null = null;
  readonly #others: Sequence[] = [];

  add(sequence: Sequence): void {
    this.#put(this.count++, sequence);
  }

  at(index: number): Sequence {
    return (index === 0 ? this.#first : this.#others[index - 1]) as Sequence;
  }

  clear(): void {
    this.count = 0;
  }

  /** Keeps the order of the others; nothing happens where it is not in. */
  remove(sequence: Sequence): void {
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      const item = this.at(index);
      if (item !== sequence) this.#put(kept++, item);
    }
    this.count = kept;
  }

  has(sequence: Sequence): boolean {
    for (let index = 0; index < this.count; index++) if (this.at(index) === sequence) return true;
    return false;
  }

  /** Nearly always in order already, or two of them. */
  sortByOrder(): void {
    for (let index = 1; index < this.count; index++) {
      const item = this.at(index);
      let place = index - 1;
      while (place >= 0 && this.at(place).order > item.order) {
        this.#put(place + 1, this.at(place));
        place--;
      }
      this.#put(place + 1, item);
    }
  }

  toArray(): Sequence[] {
    return Array.from({ length: this.count }, (_, index) => this.at(index));
  }

  #put(index: number, sequence: Sequence): void {
    if (index === 0) this.#first = sequence;
    else this.#others[index - 1] = sequence;
  }
}
