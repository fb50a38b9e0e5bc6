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
  readonly seed: number;
}

/** The rows of a trace in the run's time, in their order, one at a time. */
export function* arrivalsOf(table: TraceTable, options: ArrivalOptions): Generator<Arrival, void, undefined> {
  const { speed, blockTokens, keyTokens, routes, features: mix, seed } = options;
  for (let row = 0; row < table.rows; row += 1) {
    // A request that failed at the source has no output: something is to be generated all the same.
    const inputTokens = Math.max(1, table.inputTokens[row] ?? 1);
    const blocks = blockTokens === null ? null : blocksOfRow(table, row);
    const route = nameOfRow(table.routes, row);
    const known = table.features?.[row] ?? null;
    yield {
      at: instantAt(arrivalUs(table, row, speed)),
      inputTokens,
      outputTokens: Math.max(1, table.outputTokens[row] ?? 1),
      blocks: blocks === null || blockTokens === null ? null : blockKeys(blocks, blockTokens, keyTokens, inputTokens),
      route: route !== null && routes.has(route) ? route : null,
      session: nameOfRow(table.sessions, row),
      tenant: nameOfRow(table.tenants, row),
      features: mix === null ? known : drawFeatures(known, mix, seed, row),
    };
  }
}

export const arrivalUs = (table: TraceTable, row: number, speed: number): number => Math.round((table.atUs[row] ?? 0) / speed);
