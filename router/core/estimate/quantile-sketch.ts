/**
 * Quantiles of a time, learned from what was seen: a histogram over 256 buckets, eight to an octave (so a quantile is at most 12.5 % too long, never too short), from
 * 64 us to 38 h. It forgets: above `remembered` samples all counts are halved, so that the last thousand or so decide. Fixed size, whole numbers, no allocation.
 */
import type { Duration } from "../machine.ts";

export interface QuantileSketch {
  readonly counts: Int32Array;
  total: number;
}

const perOctaveBits = 3;
const perOctave = 8;
const buckets = 256;
/** Microseconds in the least unit told apart. */
const grain = 64;
const largest = 0x7fffffff;
const remembered = 2000;
/** With fewer samples there is no quantile. */
const samplesMin = 20;

export function emptySketch(): QuantileSketch {
  return { counts: new Int32Array(buckets), total: 0 };
}

export function sketchHears(sketch: QuantileSketch, time: Duration): void {
  const place = bucketOf(time);
  sketch.counts[place] = (sketch.counts[place] ?? 0) + 1;
  sketch.total += 1;
  if (sketch.total < remembered) return;
  sketch.total = 0;
  for (let index = 0; index < buckets; index += 1) {
    const halved = (sketch.counts[index] ?? 0) >> 1;
    sketch.counts[index] = halved;
    sketch.total += halved;
  }
}

/** At least that share of what was seen took no longer; null: too little was seen. @param share above 0, at most 1 */
export function sketchQuantile(sketch: QuantileSketch, share: number): Duration | null {
  if (sketch.total < samplesMin) return null;
  const wanted = share * sketch.total;
  let seen = 0;
  for (let place = 0; place < buckets; place += 1) {
    seen += sketch.counts[place] ?? 0;
    if (seen >= wanted) return (upperEdge(place) * grain) as Duration;
  }
  return (upperEdge(buckets - 1) * grain) as Duration;
}

function bucketOf(time: Duration): number {
  const units = Math.max(0, Math.min(largest, Math.floor(time / grain)));
  if (units < perOctave) return units;
  const octave = 31 - Math.clz32(units) - perOctaveBits;
  return (octave + 1) * perOctave + ((units >> octave) & (perOctave - 1));
}

function upperEdge(place: number): number {
  if (place < perOctave) return place + 1;
  const octave = Math.floor(place / perOctave) - 1;
  let width = 1;
  for (let doubled = 0; doubled < octave; doubled += 1) width *= 2;
  return (perOctave + (place % perOctave) + 1) * width;
}
