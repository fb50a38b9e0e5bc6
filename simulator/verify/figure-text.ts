import type { TargetVerdict } from "../core/measure/verdicts.ts";
import type { ComparedFigure } from "./compare-figures.ts";

const short = (value: number | null): string => (value === null ? "endless" : String(Number(value.toPrecision(4))));

/** `ttftP95Ms <= 2000: 1163 to 1500, mean 1300 +-150 (95 %)` */
export function targetText(target: TargetVerdict): string {
  const { metric, bound, limit } = target;
  return `${metric} ${bound === "max" ? "<=" : ">="} ${limit}: ${seenText(target)}`;
}

/** What was seen over the seeds, with digits enough to tell it from its limit. */
export function seenText({ values, interval }: Pick<TargetVerdict, "values" | "interval">): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return "not known";
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const range = low === high ? precise(low) : `${precise(low)} to ${precise(high)}`;
  const unknown = known.length < values.length ? `, ${values.length - known.length} not known` : "";
  const hasSpread = interval !== null && interval.low !== interval.high;
  return `${range}${unknown}${hasSpread ? `, mean ${precise(interval.mean)} +-${Number(((interval.high - interval.low) / 2).toPrecision(3))} (95 %)` : ""}`;
}

const precise = (value: number): string => (value === Infinity ? "endless" : String(Number(value.toPrecision(6))));

/** `ttftP95Ms 1200 -> 1260: 5 % worse (+-0.2, tolerated 1 %)` */
export function comparedText({ metric, before, after, worsening, spread, tolerance, unit, p }: ComparedFigure): string {
  const suffix = unit === "percent" ? " %" : "";
  const by = worsening === null ? "" : ` ${short(Math.abs(worsening))}${suffix} ${worsening > 0 ? "worse" : "better"}`;
  const beside = [spread === null ? "" : `+-${short(spread)}`, `tolerated ${tolerance}${suffix}`, p === null ? "" : `p ${short(p)}`].filter(
    (part) => part !== "",
  );
  return `${metric} ${short(before)} -> ${short(after)}:${by} (${beside.join(", ")})`;
}
