import { percentilesOf, type Percentiles } from "./value-counts.ts";

const exactMax = 1_000_000;
/** Buckets of a sketch grow by this factor: a percentile is off by at most 0.5 %. */
const growth = 1.01;
const logGrowth = Math.log(growth);
/** Seconds, or whatever the values are: smaller ones count as 0. */
const smallest = 1e-7;

/** Percentiles of any numbers of at least 0: exact up to a million, in buckets of 1 % beyond. */
export class SampleValues {
  #values: Float64Array | null = new Float64Array(1024);
  #buckets: Float64Array | null = null;
  #count = 0;
  #sum = 0;
  #squares = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  get exact(): boolean {
    return this.#buckets === null;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Standard deviation over mean. */
  get variation(): number {
    return this.mean === 0 ? 0 : Math.sqrt(Math.max(0, this.#squares / this.#count - this.mean * this.mean)) / this.mean;
  }

  add(value: number): void {
    if (this.#values !== null && this.#count === exactMax) this.#toBuckets();
    if (this.#values === null) this.#bucket(value);
    else {
      if (this.#count === this.#values.length) {
        const larger = new Float64Array(this.#count * 2);
        larger.set(this.#values);
        this.#values = larger;
      }
      this.#values[this.#count] = value;
    }
    this.#count += 1;
    this.#sum += value;
    this.#squares += value * value;
    if (value > this.#max) this.#max = value;
  }

  percentiles(): Percentiles | null {
    if (this.#values === null) return percentilesOf(this.#count, (place) => this.#bucketAt(place), this.#max, this.#sum);
    const sorted = this.#values.slice(0, this.#count).toSorted();
    return percentilesOf(this.#count, (place) => sorted[place] ?? 0, this.#max, this.#sum);
  }

  #toBuckets(): void {
    const values = this.#values?.subarray(0, this.#count) ?? [];
    this.#values = null;
    this.#buckets = new Float64Array(5000);
    for (const value of values) this.#bucket(value);
  }

  #bucket(value: number): void {
    if (this.#buckets === null) return;
    const place = value <= smallest ? 0 : Math.min(this.#buckets.length - 1, 1 + Math.floor(Math.log(value / smallest) / logGrowth));
    this.#buckets[place] = (this.#buckets[place] ?? 0) + 1;
  }

  #bucketAt(place: number): number {
    let upTo = 0;
    for (const [bucket, count] of (this.#buckets ?? []).entries()) {
      upTo += count;
      if (upTo > place) return bucket === 0 ? 0 : Math.min(this.#max, smallest * Math.exp((bucket - 0.5) * logGrowth));
    }
    return this.#max;
  }
}
