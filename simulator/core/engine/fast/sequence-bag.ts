import type { Sequence } from "./sequence.ts";

/** A list that is emptied and filled again all the time: emptying it keeps its memory (an array whose length is set to 0 gives it back). */
export class SequenceBag {
  count = 0;
  readonly #items: Sequence[] = [];

  add(sequence: Sequence): void {
    this.#items[this.count++] = sequence;
  }

  at(index: number): Sequence {
    return this.#items[index] as Sequence;
  }

  clear(): void {
    this.count = 0;
  }

  /** Keeps the order of the others; nothing happens where it is not in. */
  remove(sequence: Sequence): void {
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      const item = this.at(index);
      if (item !== sequence) this.#items[kept++] = item;
    }
    this.count = kept;
  }

  /** Nearly always in order already, or two of them. */
  sortByOrder(): void {
    for (let index = 1; index < this.count; index++) {
      const item = this.at(index);
      let place = index - 1;
      while (place >= 0 && this.at(place).order > item.order) {
        this.#items[place + 1] = this.at(place);
        place--;
      }
      this.#items[place + 1] = item;
    }
  }

  toArray(): Sequence[] {
    return this.#items.slice(0, this.count);
  }
}
