import { readFileSync } from "node:fs";
import { instantAt, seconds } from "../../router/core/time.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";

/** Columns of requests, in order of arrival: small enough for millions of them. */
export interface RequestColumns {
  /** Microseconds. */
  readonly at: Float64Array;
  readonly inputTokens: Int32Array;
  readonly outputTokens: Int32Array;
}

/** The requests that the prototype wrote with `--dump`: at_s,input,output. */
export function dumpedRequests(file: string): RequestColumns {
  const [, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  const rows = lines.map((line) => line.split(",").map(Number));
  return {
    at: Float64Array.from(rows, ([at = 0]) => seconds(at)),
    inputTokens: Int32Array.from(rows, ([, input = 0]) => input),
    outputTokens: Int32Array.from(rows, ([, , output = 0]) => output),
  };
}

/** Made once, not for every request. */
export const tenantNames = (count: number): readonly string[] => Array.from({ length: count }, (_, tenant) => `tenant-${tenant}`);

/** As a trace's reader gives them, one at a time; of so many tenants, in turn. */
export function arrivalsOf({ at, inputTokens, outputTokens }: RequestColumns, tenants: number): Iterator<Arrival> {
  const names = tenantNames(tenants);
  let next = 0;
  return {
    next() {
      const row = next;
      if (row === at.length) return { done: true, value: undefined };
      next += 1;
      const tenant = names[row % tenants] ?? null;
      const value: Arrival = {
        at: instantAt(at[row] ?? 0),
        inputTokens: inputTokens[row] ?? 0,
        outputTokens: outputTokens[row] ?? 0,
        blocks: null,
        route: null,
        tenant,
      };
      return { done: false, value };
    },
  };
}
