/** Small integers for what is under way, the last one freed given first. */
export class Slots<Item> {
  readonly #items: (Item | null)[] = [];
  readonly #free: number[] = [];
  #inUse = 0;

  get inUse(): number {
    return this.#inUse;
  }

  take(make: (id: number) => Item): Item {
    const id = this.#free.pop() ?? this.#items.length;
    const item = make(id);
    this.#items[id] = item;
    this.#inUse += 1;
    return item;
  }

  at(id: number): Item | null {
    return this.#items[id] ?? null;
  }

  release(id: number): void {
    if ((this.#items[id] ?? null) === null) throw new Error(`assertion: slot ${id} is released twice`);
    this.#items[id] = null;
    this.#free.push(id);
    this.#inUse -= 1;
  }

  forEach(visit: (item: Item) => void): void {
    for (const item of this.#items) if (item !== null) visit(item);
  }
}
