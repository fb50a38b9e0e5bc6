import { CacheCurves, lruCapacities } from "../inspect/cache-curves.ts";
import { TraceInspector } from "../inspect/inspect-trace.ts";
import { SampleValues } from "../inspect/sample-values.ts";
import type { TraceHeader, TraceSink } from "../trace-format.ts";
import type { TraceRow } from "../trace-row.ts";
import { ReuseTracker } from "./reuse-tracker.ts";

/** One figure of the source beside the same of what was generated. */
export interface Criterion {
  readonly name: string;
  readonly source: number;
  readonly generated: number;
  /** The difference that is allowed. */
  readonly allowed: number;
  readonly holds: boolean;
}

/** What a generated trace is judged by, gathered in one pass over either. */
export class LoadShape implements TraceSink {
  readonly #inspector = new TraceInspector();
  readonly #reuse = new ReuseTracker();
  readonly #reuseTimes = new SampleValues();
  #caches: CacheCurves | null = null;
  #blockTokens = 16;

  begin(header: TraceHeader): void {
    this.#blockTokens = header.blockTokens ?? 16;
  }

  session(): void {
    // Closed loops have no arrivals to compare.
  }

  row(row: TraceRow): void {
    this.#inspector.row({ ...row, blocks: null });
    const { leadingBlocks, afterSeconds } = this.#reuse.add(row);
    if (afterSeconds >= 0 && (row.blocks === null || leadingBlocks > 1)) this.#reuseTimes.add(afterSeconds);
    if (row.blocks === null) return;
    this.#caches ??= new CacheCurves(this.#blockTokens, lruCapacities, []);
    this.#caches.add(row.blocks, row.inputTokens);
  }

  figures(): ReadonlyMap<string, Figure> {
    const { rows = 0, per_minute: perMinute = [], dispersion = {}, input, output, tenants } = this.#inspector.figures(0);
    const figures = new Map<string, Figure>();
    const put = (name: string, value: number | null | undefined, rule: Rule): void => {
      if (value !== null && value !== undefined) figures.set(name, { value, rule });
    };
    const whole = perMinute.length > 1 ? perMinute.slice(0, -1) : perMinute;
    const sorted = whole.toSorted((one, other) => one - other);
    put("requests per minute, mean", whole.reduce((sum, count) => sum + count, 0) / whole.length, { share: 0.05, counts: true, per: whole.length });
    for (const percent of [10, 50, 90, 100]) put(`requests per minute, p${percent}`, sorted[Math.round(((sorted.length - 1) * percent) / 100)], { share: 0.15, counts: true });
    for (const [seconds, value] of Object.entries(dispersion)) put(`dispersion at ${seconds} s`, value, { share: 0.25 });
    for (const percent of ["50", "90", "95", "99"]) {
      put(`input tokens, p${percent}`, input?.linear[percent], { share: lengthShare(rows, Number(percent)), least: 1 });
      put(`output tokens, p${percent}`, output?.linear[percent], { share: lengthShare(rows, Number(percent)), least: 1 });
    }
    put("input tokens, mean", input?.mean, { share: 0.1 });
    put("output tokens, mean", output?.mean, { share: 0.1 });
    for (const top of ["1", "5", "10", "20"] as const) put(`share of the top ${top} tenants`, tenants?.top_share[top], { absolute: 0.05 });
    const times = this.#reuseTimes.percentiles();
    for (const percent of ["50", "90"]) put(`reuse time, p${percent}, s`, times?.linear[percent], { share: 0.35, least: 1 });
    for (const [blocks, { token }] of Object.entries(this.#caches?.figures().lru_tail_first_touch ?? {})) put(`token hits, LRU of ${blocks} blocks`, token, { absolute: 0.05 });
    return figures;
  }
}

interface Figure {
  readonly value: number;
  readonly rule: Rule;
}
interface Rule {
  /** Of the source's value. */
  readonly share?: number;
  readonly absolute?: number;
  /** Counts vary by their own root: two and a half of it are allowed, over so many of them. */
  readonly counts?: boolean;
  readonly per?: number;
  readonly least?: number;
}

/** A tail quantile of few rows is uncertain by itself. */
const lengthShare = (rows: number, percent: number): number => Math.max(0.1, Math.min(0.3, 3 / Math.sqrt(Math.max(1, rows * (1 - percent / 100)))));

/** The generated beside the source. What only one of them has does not hold. */
export function compareShapes(source: ReadonlyMap<string, Figure>, generated: ReadonlyMap<string, Figure>): readonly Criterion[] {
  return [...source].map(([name, { value, rule }]) => {
    const other = generated.get(name)?.value ?? NaN;
    const noise = rule.counts === true ? 2.5 * Math.sqrt(value / (rule.per ?? 1)) : 0;
    const allowed = Math.max(value * (rule.share ?? 0), rule.absolute ?? 0, noise, rule.least ?? 0);
    return { name, source: value, generated: other, allowed, holds: Math.abs(other - value) <= allowed };
  });
}

export const accepted = (criteria: readonly Criterion[]): boolean => criteria.length > 0 && criteria.every(({ holds }) => holds);
