import { figureNames, limits } from "./play-server-run.ts";
import type { Off } from "./play-server-run.ts";

/** One number for a whole run, fitted to what its clients saw: the scale whose worst figure, each measured against its limit, is least. */
export interface TriedScale {
  readonly scale: number;
  readonly off: Off;
}

export interface ChosenScale extends TriedScale {
  /** The lowest and the highest of those tried with which all figures are within their limits; null: none. */
  readonly within: { readonly from: number; readonly to: number } | null;
}

export function scalesAround(scale: number, rangePercent: number, stepPercent: number): number[] {
  const steps = rangePercent / stepPercent;
  return Array.from({ length: 2 * steps + 1 }, (_, place) => scale * (1 + ((place - steps) * stepPercent) / 100));
}

/** The best of those given, then around it ever nearer. */
export function searchScale(scales: readonly number[], roughly: (scale: number) => Off, exactly: (scale: number) => Off): ChosenScale {
  const start = chooseScale(scales.map((scale) => ({ scale, off: roughly(scale) }))).scale;
  const tried = [{ scale: start, off: exactly(start) }];
  for (const percent of [1, 0.5, 0.25]) {
    const { scale } = chooseScale(tried);
    for (const sign of [-1, 1]) {
      const next = scale + (sign * percent * start) / 100;
      tried.push({ scale: next, off: exactly(next) });
    }
  }
  return chooseScale(tried);
}

export function chooseScale(tried: readonly TriedScale[]): ChosenScale {
  const ranked = tried.toSorted((one, other) => worstOf(one.off) - worstOf(other.off));
  const best = ranked[0];
  if (best === undefined) throw new Error("no scale was tried");
  const within = tried.filter(({ off }) => worstOf(off) <= 1).map(({ scale }) => scale);
  return { ...best, within: within.length === 0 ? null : { from: Math.min(...within), to: Math.max(...within) } };
}

/** Above 1: some figure misses its limit. */
function worstOf(off: Off): number {
  const shares = figureNames.map((name) => Math.abs(off[name]) / limits[name]);
  return shares.some(Number.isNaN) ? Infinity : Math.max(...shares);
}
