/**
 * Percentiles of whole numbers, exact however many there are: values below 2^20 are counted one by one, larger ones (a token count beyond a million) in a Map of at most a
 * million different values, the rest at the nearest thousandth.
 */
const counted = 1 << 20;
const othersMax = 1_000_000;

export interface Percentiles {
  readonly linear: Readonly<Record<string, number>>;
  readonly nearest_rank: Readonly<Record<string, number>>;
  readonly max: number;
  readonly mean: number;
  readonly sum: number;
}

const percents = [50, 90, 95, 99] as const;

/** By both methods, from the value at a place of the sorted values. */
export function percentilesOf(count: number, valueAt: (place: number) => number, max: number, sum: number): Percentiles | null {
  if (count === 0) return null;
  const linear: Record<string, number> = {};
  const nearestRank: Record<string, number> = {};
  for (const percent of percents) {
    const place = ((count - 1) * percent) / 100;
    const low = valueAt(Math.floor(place));
    linear[percent] = low + (valueAt(Math.min(count - 1, Math.floor(place) + 1)) - low) * (place - Math.floor(place));
    nearestRank[percent] = valueAt(Math.ceil((percent * count) / 100) - 1);
  }
  return { linear, nearest_rank: nearestRank, max, mean: sum / count, sum };
}

export class ValueCounts {
  readonly #small = new Float64Array(counted);
  readonly #large = new Map<number, number>();
  #count = 0;
  #sum = 0;
  #max = 0;
  #exact = true;

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  get exact(): boolean {
    return this.#exact;
  }

  add(value: number): void {
    this.#count += 1;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
    if (value < counted) this.#small[value] = (this.#small[value] ?? 0) + 1;
    else this.#addLarge(value);
  }

  percentiles(): Percentiles | null {
    const values = this.#cumulative();
    return percentilesOf(this.#count, (place) => values(place), this.#max, this.#sum);
  }

  /** Share of the values at most as large as each of the given ones; ascending. */
  quantile(share: number): number {
    return this.#cumulative()(Math.min(this.#count - 1, Math.floor(share * this.#count)));
  }

  #addLarge(value: number): void {
    let at = value;
    if (this.#large.size >= othersMax && !this.#large.has(value)) {
      this.#exact = false;
      at = Number(value.toPrecision(3));
    }
    this.#large.set(at, (this.#large.get(at) ?? 0) + 1);
  }

  #cumulative(): (place: number) => number {
    const values: number[] = [];
    const upTo: number[] = [];
    let sum = 0;
    for (let value = 0; value < counted; value += 1) {
      const count = this.#small[value] ?? 0;
      if (count === 0) continue;
      sum += count;
      values.push(value);
      upTo.push(sum);
    }
    for (const [value, count] of [...this.#large].toSorted(([one], [other]) => one - other)) {
      sum += count;
      values.push(value);
      upTo.push(sum);
    }
    return (place) => {
      let low = 0;
      let high = upTo.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((upTo[middle] ?? 0) > place) high = middle;
        else low = middle + 1;
      }
      return values[low] ?? 0;
    };
  }
}
