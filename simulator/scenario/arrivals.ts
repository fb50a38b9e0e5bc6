import { instantAt } from "../../router/core/time.ts";
import type { Arrival } from "../core/workload/arrival.ts";
import { blockKeys } from "../core/workload/block-keys.ts";
import { drawFeatures, type FeatureMix } from "../core/workload/draw-features.ts";
import { blocksOfRow, nameOfRow, type TraceTable } from "../trace/trace-table.ts";

export interface ArrivalOptions {
  readonly speed: number;
  /** Tokens per block id of the trace, and per block of the engines; null: nothing is said to be shared. */
  readonly blockTokens: number | null;
  readonly keyTokens: number;
  /** Names that the configuration has: a trace's other models are not its routes. */
  readonly routes: ReadonlySet<string>;
  readonly features: FeatureMix | null;
  /** Whether requests of this route that are batchable say so; null: of the default route. Absent: none do. */
  readonly batches?: (route: string | null) => boolean;
  readonly seed: number;
}

/** The rows of a trace in the run's time, in their order, one at a time. */
export function* arrivalsOf(table: TraceTable, options: ArrivalOptions): Generator<Arrival, void, undefined> {
  const { speed, blockTokens, keyTokens, features: mix, seed } = options;
  for (let row = 0; row < table.rows; row += 1) {
    // A request that failed at the source has no output: something is to be generated all the same.
    const inputTokens = Math.max(1, table.inputTokens[row] ?? 1);
    const blocks = blockTokens === null ? null : blocksOfRow(table, row);
    const route = routeOfRow(table, row, options);
    const known = table.features?.[row] ?? null;
    const features = mix === null ? known : drawFeatures(known, mix, seed, row);
    yield {
      at: instantAt(arrivalUs(table, row, speed)),
      inputTokens,
      outputTokens: Math.max(1, table.outputTokens[row] ?? 1),
      blocks: blocks === null || blockTokens === null ? null : blockKeys(blocks, blockTokens, keyTokens, inputTokens),
      route,
      session: nameOfRow(table.sessions, row),
      tenant: nameOfRow(table.tenants, row),
      features,
      ...(features?.batchable === true && options.batches?.(route) === true ? { batch: true } : {}),
    };
  }
}

function routeOfRow(table: TraceTable, row: number, { routes }: ArrivalOptions): string | null {
  const name = nameOfRow(table.routes, row);
  return name !== null && routes.has(name) ? name : null;
}

export const arrivalUs = (table: TraceTable, row: number, speed: number): number => Math.round((table.atUs[row] ?? 0) / speed);
