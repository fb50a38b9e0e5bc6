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
    const inspected = this.#inspector.figures(0);
    const reuse = this.#reuseTimes.percentiles();
    const lru = Object.entries(this.#caches?.figures().lru_tail_first_touch ?? {});
    return new Map([
      ...arrivalFigures(inspected),
      ...lengthFigures(inspected),
      ...(["1", "5", "10", "20"] as const).flatMap((top) => figure(`share of the top ${top} tenants`, inspected.tenants?.top_share[top], { absolute: 0.05 })),
      ...["50", "90"].flatMap((percent) => figure(`reuse time, p${percent}, s`, reuse?.linear[percent], { share: 0.35, least: 1 })),
      ...lru.flatMap(([blocks, { token }]) => figure(`token hits, LRU of ${blocks} blocks`, token, { absolute: 0.05 })),
    ]);
  }
}

type NamedFigure = readonly [string, Figure];

/** None where the trace does not have it. */
const figure = (name: string, value: number | null | undefined, rule: Rule): readonly NamedFigure[] =>
  value === null || value === undefined ? [] : [[name, { value, rule }]];

type Inspected = ReturnType<TraceInspector["figures"]>;

function arrivalFigures({ per_minute: perMinute = [], dispersion = {} }: Inspected): readonly NamedFigure[] {
  const whole = perMinute.length > 1 ? perMinute.slice(0, -1) : perMinute;
  const sorted = whole.toSorted((one, other) => one - other);
  const mean = whole.reduce((sum, count) => sum + count, 0) / whole.length;
  return [
    ...figure("requests per minute, mean", mean, { share: 0.05, counts: true, per: whole.length }),
    ...[10, 50, 90, 100].flatMap((percent) =>
      figure(`requests per minute, p${percent}`, sorted[Math.round(((sorted.length - 1) * percent) / 100)], { share: 0.15, counts: true, least: 2 }),
    ),
    ...Object.entries(dispersion).flatMap(([seconds, value]) =>
      figure(`dispersion at ${seconds} s`, value, {
        share: 0.25,
        least: 2 * dispersionError(value ?? 0, Math.floor((60 * perMinute.length) / Number(seconds))),
      }),
    ),
  ];
}

function lengthFigures({ rows = 0, input, output }: Inspected): readonly NamedFigure[] {
  const lengths = [
    ["input", input],
    ["output", output],
  ] as const;
  return lengths.flatMap(([name, values]) => [
    ...["50", "90", "95", "99"].flatMap((percent) =>
      figure(`${name} tokens, p${percent}`, values?.linear[percent], { share: lengthShare(rows, Number(percent)), least: 1 }),
    ),
    ...figure(`${name} tokens, mean`, values?.mean, { share: 0.1 }),
  ]);
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
const lengthShare = (rows: number, percent: number): number => Math.max(0.1, Math.min(0.3, 4 / Math.sqrt(Math.max(1, rows * (1 - percent / 100)))));

/** Standard error of an index of dispersion over so many windows, when what is beyond Poisson is the same in every run: it matters for short traces only. */
const dispersionError = (value: number, windows: number): number =>
  windows < 2 ? Infinity : Math.sqrt(2 / (windows - 1) + (4 * Math.max(0, value - 1)) / windows);

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
