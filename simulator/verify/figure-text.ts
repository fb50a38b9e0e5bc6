import type { TargetVerdict } from "../core/measure/verdicts.ts";
import type { ComparedFigure } from "./compare-figures.ts";

const short = (value: number | null): string => (value === null ? "endless" : String(Number(value.toPrecision(4))));

/** `ttftP95Ms <= 2000: 1163 to 1500` */
export function targetText({ metric, bound, limit, values, interval }: TargetVerdict): string {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const seen = known.length === 0 ? "not known" : low === high ? shown(low) : `${shown(low)} to ${shown(high)}`;
  const mean =
    interval === null || interval.low === interval.high ? "" : `, mean ${short(interval.mean)} (95 %: ${short(interval.low)} to ${short(interval.high)})`;
  return `${metric} ${bound === "max" ? "<=" : ">="} ${limit}: ${seen}${mean}`;
}

const shown = (value: number): string => (value === Infinity ? "endless" : short(value));

/** `ttftP95Ms 1200 -> 1260: 5 % worse (+-0.2, tolerated 1 %)` */
export function comparedText({ metric, before, after, worsening, spread, tolerance, unit, p }: ComparedFigure): string {
  const suffix = unit === "percent" ? " %" : "";
  const by = worsening === null ? "" : ` ${short(Math.abs(worsening))}${suffix} ${worsening > 0 ? "worse" : "better"}`;
  const beside = [spread === null ? "" : `+-${short(spread)}`, `tolerated ${tolerance}${suffix}`, p === null ? "" : `p ${short(p)}`].filter(
    (part) => part !== "",
  );
  return `${metric} ${short(before)} -> ${short(after)}:${by} (${beside.join(", ")})`;
}
