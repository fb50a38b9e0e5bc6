import type { Percentiles } from "./figures.ts";
import { type Distribution, distributionMs, percentile, rounded } from "./percentile.ts";
import { ValueSketch } from "./value-sketch.ts";
import { type WeightedDistribution, weightedDistributionMs } from "./weighted-percentile.ts";

export interface Precision {
  /** Above so many, values are no longer kept but counted in buckets. Counts, means and the largest stay exact. */
  readonly exactMax: number;
  /** How fine the buckets are: value-sketch.ts. */
  readonly bits: number;
}

export const exactly: Precision = { exactMax: Infinity, bits: 7 };

/** Times in microseconds, from which percentiles are taken. Endless ones (Infinity) belong to `percentiles` alone. What is kept is sorted in place when it is read. */
export class ValueTally {
  readonly #precision: Precision;
  #values = new Float64Array(16);
  #weights = new Float64Array(16);
  #kept = 0;
  #sketch: ValueSketch | null = null;
  /** In the sketch. */
  #finite = 0;
  #endless = 0;
  #weight = 0;
  #sum = 0;
  #max = 0;

  constructor(precision: Precision) {
    this.#precision = precision;
  }

  /** @param weight whole; of a single kind of reading: weights are for `weightedDistribution` */
  add(value: number, weight = 1): void {
    if (this.#sketch === null && this.#kept < this.#precision.exactMax) {
      if (this.#kept === this.#values.length) this.#grow();
      this.#values[this.#kept] = value;
      this.#weights[this.#kept] = weight;
      this.#kept += 1;
    } else this.#sketchIn(this.#sketch ?? this.#beginSketch(), value, weight);
  }

  distribution(): Distribution | null {
    const sketch = this.#sketch;
    if (sketch === null) return distributionMs(this.#values.subarray(0, this.#kept));
    const at = (percent: number): number => rounded(sketch.valueAt(((this.#finite - 1) * percent) / 100) / 1000, 3);
    const mean = rounded(this.#sum / this.#weight / 1000, 3);
    return { count: this.#finite, p50: at(50), p90: at(90), p95: at(95), p99: at(99), mean, max: rounded(this.#max / 1000, 3) };
  }

  weightedDistribution(): WeightedDistribution | null {
    const sketch = this.#sketch;
    if (sketch === null) return weightedDistributionMs(this.#values.subarray(0, this.#kept), this.#weights.subarray(0, this.#kept));
    const at = (percent: number): number => rounded(sketch.valueAt(Math.ceil((this.#weight * percent) / 100) - 1) / 1000, 3);
    return { count: this.#weight, p50: at(50), p90: at(90), p95: at(95), p99: at(99), mean: rounded(this.#sum / this.#weight / 1000, 3) };
  }

  percentiles(): Percentiles {
    const sketch = this.#sketch;
    const values: Float64Array = this.#values.subarray(0, this.#kept);
    values.sort();
    const last = (sketch === null ? this.#kept : this.#finite + this.#endless) - 1;
    const at = (percent: number): number | null => {
      const place = (last * percent) / 100;
      const isEndless = sketch === null ? (values[Math.ceil(place)] ?? Infinity) === Infinity : Math.ceil(place) >= this.#finite;
      if (isEndless) return null;
      return rounded((sketch === null ? percentile(values, percent) : sketch.valueAt(place)) / 1000, 3);
    };
    return { p50: at(50), p90: at(90), p95: at(95), p99: at(99) };
  }

  #sketchIn(sketch: ValueSketch, value: number, weight: number): void {
    if (value === Infinity) {
      this.#endless += 1;
      return;
    }
    sketch.add(value, weight);
    this.#finite += 1;
    this.#weight += weight;
    this.#sum += value * weight;
    this.#max = Math.max(this.#max, value);
  }

  #beginSketch(): ValueSketch {
    const sketch = new ValueSketch(this.#precision.bits);
    for (let place = 0; place < this.#kept; place += 1) this.#sketchIn(sketch, this.#values[place] ?? 0, this.#weights[place] ?? 0);
    this.#values = new Float64Array(0);
    this.#weights = new Float64Array(0);
    this.#kept = 0;
    this.#sketch = sketch;
    return sketch;
  }

  #grow(): void {
    const [values, weights] = [new Float64Array(2 * this.#kept), new Float64Array(2 * this.#kept)];
    values.set(this.#values);
    weights.set(this.#weights);
    this.#values = values;
    this.#weights = weights;
  }
}
