import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { type RecordTable, requestResults } from "../core/measure/record-table.ts";

/** Per-request records as columns by name; what is not known is null. Milliseconds since the start, dollars, tokens. */
export type RequestColumns = Readonly<Record<string, { readonly type: "STRING" | "INT32" | "DOUBLE"; readonly data: readonly (string | number | null)[] }>>;

export function requestColumns(table: RecordTable, { routes, deployments, tenants }: CompiledConfig): RequestColumns {
  const { columns, reasons, rows } = table;
  const each = (read: (row: number) => string | number | null): readonly (string | number | null)[] => Array.from({ length: rows }, (_, row) => read(row));
  const text = (read: (row: number) => string | undefined) => ({ type: "STRING" as const, data: each((row) => read(row) ?? null) });
  const whole = (column: Int32Array) => ({ type: "INT32" as const, data: each((row) => column[row] ?? null) });
  const ms = (column: Float64Array) => ({ type: "DOUBLE" as const, data: each((row) => (Number.isNaN(column[row]) ? null : (column[row] ?? 0) / 1000)) });
  return {
    scheduledMs: ms(columns.scheduled),
    startedMs: ms(columns.started),
    firstTokenMs: ms(columns.first),
    lastTokenMs: ms(columns.last),
    endMs: ms(columns.end),
    result: text((row) => requestResults[columns.result[row] ?? 0]),
    reason: text((row) => reasons[columns.reason[row] ?? -1]),
    route: text((row) => routes[columns.route[row] ?? -1]?.name),
    tenant: text((row) => tenants[columns.tenant[row] ?? -1]?.name),
    deployment: text((row) => deployments[columns.deployment[row] ?? -1]?.name),
    inputTokens: whole(columns.inputTokens),
    cachedTokens: whole(columns.cachedTokens),
    outputTokens: whole(columns.outputTokens),
    attempts: whole(columns.attempts),
    dollars: { type: "DOUBLE", data: each((row) => (columns.priced[row] === 0 ? null : (columns.nanoDollars[row] ?? 0) / 1_000_000_000)) },
  };
}
