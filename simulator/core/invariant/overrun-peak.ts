/**
 * The largest sum, over the attempts that one replica has had in flight together, of what each used beyond its reservation. What an attempt uses is known when it ends,
 * so a moment (there is one at every start: only there the sum can be largest) is kept until all that were in flight then have ended.
 */
interface Moment {
  /** Number of the start. */
  readonly start: number;
  /** Of the attempts in flight then, those that have ended. */
  sum: number;
}

export class OverrunPeak {
  readonly #open = new Set<number>();
  readonly #moments: Moment[] = [];
  #starts = 0;
  #peak = 0;

  /** Units. */
  get peak(): number {
    return this.#peak;
  }

  /** @returns what the attempt is known by here */
  started(): number {
    this.#starts += 1;
    this.#open.add(this.#starts);
    this.#moments.push({ start: this.#starts, sum: 0 });
    return this.#starts;
  }

  /** @param overrun units, at least 0 */
  ended(attempt: number, overrun: number): void {
    this.#open.delete(attempt);
    if (overrun > 0) {
      for (const moment of this.#moments) {
        if (moment.start < attempt) continue;
        moment.sum += overrun;
        this.#peak = Math.max(this.#peak, moment.sum);
      }
    }
    const [oldest = Infinity] = this.#open;
    const done = this.#moments.findIndex(({ start }) => start >= oldest);
    this.#moments.splice(0, done < 0 ? this.#moments.length : done);
  }
}
