import { forkRandom, nextBelow } from "../../../router/core/random.ts";
import { type SampleRow, type WorkloadModel, workloadModelVersion } from "./workload-model.ts";

/** Upper bounds (Infinity the last) and how many observations are at most that. */
export interface CumulativeHistogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

export interface ObservedLoad {
  readonly source: string;
  /** Requests that ended in each minute. */
  readonly perMinute: readonly number[];
  readonly promptTokens: CumulativeHistogram;
  readonly generationTokens: CumulativeHistogram;
}

const sampleSize = 4000;

/**
 * A workload model out of counters and histograms. What they do not say is not made up: within a minute arrivals are even, input and output lengths are drawn apart, there are
 * no tenants, sessions and shared prefixes. Within a bucket lengths lie evenly; above the last bound they are taken at it.
 */
export function modelOfLoad({ source, perMinute, promptTokens, generationTokens }: ObservedLoad, seed: number): WorkloadModel {
  const inputs = stratified(promptTokens);
  const outputs = shuffled(stratified(generationTokens), seed);
  return {
    headgate: "workload-model",
    version: workloadModelVersion,
    source,
    rows: Math.round(perMinute.reduce((sum, count) => sum + count, 0)),
    blockTokens: null,
    envelope: perMinute.map((count) => Number(Math.max(0, count).toFixed(4))),
    bursts: { tenSeconds: null, seconds: null },
    tenants: [],
    routes: [],
    sharedBlocks: 0,
    sessions: false,
    sample: inputs.map((input, place): SampleRow => [input, outputs[place] ?? 1, 0, -1, -1, -1]),
  };
}

/** Values at the middles of so many equal shares. */
function stratified({ bounds, counts }: CumulativeHistogram): readonly number[] {
  const total = counts.at(-1) ?? 0;
  let bucket = 0;
  return Array.from({ length: sampleSize }, (_, place) => {
    const wanted = ((place + 0.5) / sampleSize) * total;
    while (bucket < counts.length - 1 && (counts[bucket] ?? 0) < wanted) bucket += 1;
    const low = bucket === 0 ? 0 : (bounds[bucket - 1] ?? 0);
    const high = bounds[bucket] ?? Infinity;
    if (high === Infinity) return Math.max(1, Math.round(low));
    const below = bucket === 0 ? 0 : (counts[bucket - 1] ?? 0);
    const inside = (counts[bucket] ?? 0) - below;
    return Math.max(1, Math.round(low + (high - low) * (inside > 0 ? (wanted - below) / inside : 0.5)));
  });
}

function shuffled(values: readonly number[], seed: number): readonly number[] {
  const random = forkRandom(seed, "prometheus lengths");
  const mixed = [...values];
  for (let place = mixed.length - 1; place > 0; place -= 1) {
    const other = nextBelow(random, place + 1);
    [mixed[place], mixed[other]] = [mixed[other] ?? 0, mixed[place] ?? 0];
  }
  return mixed;
}
