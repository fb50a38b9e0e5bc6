/** A mock that runs for long forgets the oldest of what it keeps. */
export const recentThingsMax = 1_000;

/** The last thousand of something, by id. */
export class RecentThings<Thing> {
  readonly #things = new Map<string, Thing>();
  readonly #prefix: string;
  #count = 0;

  /** @param prefix of the ids that it makes */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(make: (id: string) => Thing): Thing {
    this.#count += 1;
    const id = `${this.#prefix}${this.#count.toString(16).padStart(12, "0")}`;
    const thing = make(id);
    this.put(id, thing);
    return thing;
  }

  /** Under an id that it has. */
  put(id: string, thing: Thing): void {
    this.#things.delete(id);
    this.#things.set(id, thing);
    if (this.#things.size > recentThingsMax) this.#things.delete(this.#things.keys().next().value ?? "");
  }

  get(id: string): Thing | undefined {
    return this.#things.get(id);
  }

  delete(id: string): boolean {
    return this.#things.delete(id);
  }

  /** The newest first. */
  all(): readonly Thing[] {
    return [...this.#things.values()].toReversed();
  }
}
