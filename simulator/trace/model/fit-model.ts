import { owned } from "../owned-text.ts";
import { forkRandom, nextBelow } from "../../../router/core/random.ts";
import type { TraceHeader, TraceSink } from "../trace-format.ts";
import type { TraceRow } from "../trace-row.ts";
import { ReuseTracker } from "./reuse-tracker.ts";
import { type SampleRow, type WorkloadModel, workloadModelVersion } from "./workload-model.ts";

const sampleMax = 20_000;
const namesMax = 100_000;
/** A block that so many of the requests have at a place is the system prompt's. */
const sharedShare = 0.9;

/** Fits a workload model in one pass. */
export class ModelFitter implements TraceSink {
  readonly #source: string;
  readonly #random;
  readonly #perMinute: number[] = [];
  readonly #tens = new SplitMoments(6);
  readonly #seconds = new SplitMoments(10);
  readonly #reuse = new ReuseTracker();
  readonly #tenants = new Names();
  readonly #routes = new Names();
  readonly #sample: SampleRow[] = [];
  /** By place: how many requests had the block that the first request had there. */
  readonly #sharedCounts: number[] = [];
  #firstBlocks: readonly number[] | null = null;
  #blockTokens: number | null = null;
  #reused = 0;
  #rows = 0;
  #closedSessions = 0;

  constructor(source: string, seed: number) {
    this.#source = source;
    this.#random = forkRandom(seed, "fit sample");
  }

  get closedSessions(): number {
    return this.#closedSessions;
  }

  begin({ blockTokens }: TraceHeader): void {
    this.#blockTokens = blockTokens;
  }

  session(): void {
    this.#closedSessions += 1;
  }

  row(row: TraceRow): void {
    const second = Math.floor(row.atUs / 1_000_000);
    const minute = Math.floor(second / 60);
    while (this.#perMinute.length <= minute) this.#perMinute.push(0);
    this.#perMinute[minute] = (this.#perMinute[minute] ?? 0) + 1;
    this.#tens.add(minute, Math.floor(second / 10) % 6);
    this.#seconds.add(Math.floor(second / 10), second % 10);
    this.#countShared(row.blocks);
    const { leadingBlocks, afterSeconds } = this.#reuse.add(row);
    if (afterSeconds >= 0) this.#reused += 1;
    this.#keep([row.inputTokens, row.outputTokens, leadingBlocks, afterSeconds, this.#tenants.placeOf(row.tenant), this.#routes.placeOf(row.route)]);
  }

  model(): WorkloadModel {
    const whole = this.#perMinute.length > 1 ? this.#perMinute.slice(0, -1) : this.#perMinute;
    return {
      headgate: "workload-model",
      version: workloadModelVersion,
      source: this.#source,
      rows: this.#rows,
      blockTokens: this.#blockTokens,
      envelope: shrunk(whole),
      bursts: { tenSeconds: this.#tens.dirichlet(), seconds: this.#seconds.dirichlet() },
      tenants: this.#tenants.names,
      routes: this.#routes.names,
      sharedBlocks: this.#sharedCounts.filter((count) => count >= sharedShare * this.#rows).length,
      sessions: this.#reused > 0,
      sample: this.#sample,
    };
  }

  /** Every row has the same chance to be among the kept (Vitter's algorithm R). */
  #keep(row: SampleRow): void {
    this.#rows += 1;
    if (this.#sample.length < sampleMax) this.#sample.push(row);
    else {
      const place = nextBelow(this.#random, this.#rows);
      if (place < sampleMax) this.#sample[place] = row;
    }
  }

  #countShared(blocks: readonly number[] | null): void {
    if (blocks === null) return;
    this.#firstBlocks ??= blocks;
    for (let place = 0; place < blocks.length && blocks[place] === this.#firstBlocks[place]; place += 1) {
      this.#sharedCounts[place] = (this.#sharedCounts[place] ?? 0) + 1;
    }
  }
}

const slowMinutes = 5;

/**
 * A minute's rate is not its count: part of what the counts vary by is chance, and would be there twice in what is generated. So the counts are drawn in towards a mean until
 * their variance is smaller by that of chance: the means of five minutes towards the mean of all, and the minutes towards the means of their five.
 */
function shrunk(counts: readonly number[]): readonly number[] {
  const mean = meanOf(counts);
  const slow = counts.map((_, minute) => meanOf(counts.slice(minute - (minute % slowMinutes), minute - (minute % slowMinutes) + slowMinutes)));
  const slowKept = keptOf(
    slow.map((value) => value - mean),
    mean / slowMinutes,
  );
  const fastKept = keptOf(
    counts.map((count, minute) => count - (slow[minute] ?? 0)),
    (mean * (slowMinutes - 1)) / slowMinutes,
  );
  return counts.map((count, minute) => {
    const level = slow[minute] ?? 0;
    return Number(Math.max(0, mean + (level - mean) * slowKept + (count - level) * fastKept).toFixed(4));
  });
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** By which factor the distances have to shrink for their variance to lose that of chance. */
function keptOf(distances: readonly number[], chance: number): number {
  const variance = meanOf(distances.map((distance) => distance * distance));
  return variance <= chance ? 0 : Math.sqrt((variance - chance) / variance);
}

/** How unevenly the requests of a whole fall on its parts, beyond what chance does. */
class SplitMoments {
  readonly #counts: number[];
  #whole = 0;
  #total = 0;
  #excess = 0;
  #pairs = 0;

  constructor(parts: number) {
    this.#counts = Array.from({ length: parts }, () => 0);
  }

  add(whole: number, part: number): void {
    if (whole !== this.#whole) this.#close();
    this.#whole = whole;
    this.#counts[part] = (this.#counts[part] ?? 0) + 1;
    this.#total += 1;
  }

  /**
   * For n requests on k parts of shares p, the squares of the counts' distances from n/k sum to n(1 - 1/k) + Q n(n - 1) in the mean, with Q = sum of (p - 1/k)^2, which is
   * (1 - 1/k) / (k a + 1) for a symmetric Dirichlet distribution of parameter a.
   */
  dirichlet(): number | null {
    this.#close();
    const parts = this.#counts.length;
    const q = this.#pairs === 0 ? 0 : this.#excess / this.#pairs;
    if (q <= 0) return null;
    return Number(Math.max(0.001, ((1 - 1 / parts) / q - 1) / parts).toPrecision(6));
  }

  #close(): void {
    const parts = this.#counts.length;
    const n = this.#total;
    let squares = 0;
    for (let part = 0; part < parts; part += 1) {
      const distance = (this.#counts[part] ?? 0) - n / parts;
      squares += distance * distance;
      this.#counts[part] = 0;
    }
    this.#excess += squares - n * (1 - 1 / parts);
    this.#pairs += n * (n - 1);
    this.#total = 0;
  }
}

/** Names by their places; those beyond a bound have none. */
class Names {
  readonly #places = new Map<string, number>();

  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  placeOf(name: string | null): number {
    if (name === null) return -1;
    const place = this.#places.get(name);
    if (place !== undefined) return place;
    if (this.#places.size >= namesMax) return -1;
    this.#places.set(owned(name), this.#places.size);
    return this.#places.size - 1;
  }
}
