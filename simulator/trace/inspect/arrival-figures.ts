import { type Percentiles } from "./value-counts.ts";
import { SampleValues } from "./sample-values.ts";

const dispersionWindowsS = [1, 10, 60, 300] as const;

/** Rates, gaps and burstiness of the arrivals, in one pass. */
export interface ArrivalFigures {
  readonly rows: number;
  /** Last minus first instant, as the difference of two times since the source's origin in doubles. */
  readonly span_s: number;
  readonly distinct_ts: number;
  /** Arrivals in each minute since the first one. */
  readonly per_minute: readonly number[];
  readonly rate_per_s: { readonly mean: number; readonly peak_minute: number };
  /** Index of dispersion: variance over mean of the counts in windows of so many seconds since the first arrival, the last one left out. Poisson: 1. */
  readonly dispersion: Readonly<Record<string, number | null>>;
  readonly gaps_s: (Percentiles & { readonly cv: number; readonly exact: boolean }) | null;
  /** Of neighbouring counts in windows of 10 s. */
  readonly lag1_autocorrelation_10s: number | null;
}

export class ArrivalCounts {
  readonly #gaps = new SampleValues();
  readonly #perMinute: number[] = [];
  readonly #windows = dispersionWindowsS.map((seconds) => new WindowCounts(seconds * 1_000_000));
  #rows = 0;
  #distinct = 0;
  #lastUs = 0;

  add(atUs: number): void {
    if (this.#rows === 0) this.#distinct = 1;
    else {
      this.#gaps.add((atUs - this.#lastUs) / 1_000_000);
      if (atUs !== this.#lastUs) this.#distinct += 1;
    }
    this.#rows += 1;
    this.#lastUs = atUs;
    const minute = Math.floor(atUs / 60_000_000);
    while (this.#perMinute.length <= minute) this.#perMinute.push(0);
    this.#perMinute[minute] = (this.#perMinute[minute] ?? 0) + 1;
    for (const window of this.#windows) window.add(atUs);
  }

  figures(originUs: number): ArrivalFigures {
    const span = (originUs + Math.floor(this.#lastUs)) / 1_000_000 - originUs / 1_000_000;
    const gaps = this.#gaps.percentiles();
    const tens = this.#windows[1];
    return {
      rows: this.#rows,
      span_s: span,
      distinct_ts: this.#distinct,
      per_minute: this.#perMinute,
      rate_per_s: { mean: span > 0 ? (this.#rows - 1) / span : 0, peak_minute: this.#perMinute.reduce((peak, count) => Math.max(peak, count), 0) / 60 },
      dispersion: Object.fromEntries(dispersionWindowsS.map((seconds, place) => [String(seconds), this.#windows[place]?.dispersion() ?? null])),
      gaps_s: gaps === null ? null : { ...gaps, cv: this.#gaps.variation, exact: this.#gaps.exact },
      lag1_autocorrelation_10s: tens?.autocorrelation() ?? null,
    };
  }
}

/** Counts in windows of equal length, as sums: the windows themselves are not kept. */
export class WindowCounts {
  readonly #lengthUs: number;
  #window = 0;
  #count = 0;
  #closed = 0;
  #sum = 0;
  #squares = 0;
  #previous: number | null = null;
  #first = 0;
  #products = 0;

  constructor(lengthUs: number) {
    this.#lengthUs = lengthUs;
  }

  add(atUs: number): void {
    const window = Math.floor(atUs / this.#lengthUs);
    while (this.#window < window) this.#close();
    this.#count += 1;
  }

  dispersion(): number | null {
    if (this.#closed < 2 || this.#sum === 0) return null;
    const mean = this.#sum / this.#closed;
    return (this.#squares / this.#closed - mean * mean) / mean;
  }

  autocorrelation(): number | null {
    if (this.#closed < 3 || this.#previous === null) return null;
    const mean = this.#sum / this.#closed;
    const variance = this.#squares / this.#closed - mean * mean;
    if (variance <= 0) return null;
    // sum of (x_i - m)(x_(i+1) - m) out of the sums of products and of the ends
    const both = this.#products - mean * (2 * this.#sum - this.#first - this.#previous) + (this.#closed - 1) * mean * mean;
    return both / (this.#closed * variance);
  }

  #close(): void {
    const count = this.#count;
    if (this.#previous === null) this.#first = count;
    else this.#products += this.#previous * count;
    this.#previous = count;
    this.#closed += 1;
    this.#sum += count;
    this.#squares += count * count;
    this.#count = 0;
    this.#window += 1;
  }
}
