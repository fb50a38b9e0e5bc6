import { expect, test } from "vitest";
import { seconds } from "../../../../../router/core/time.ts";
import { RecordTable } from "../../../../../simulator/core/measure/record-table.ts";
import type { RequestRecord } from "../../../../../simulator/core/measure/request-record.ts";
import { summarise } from "../../../../../simulator/core/measure/summarise.ts";
import { weightedDistributionMs } from "../../../../../simulator/core/measure/weighted-percentile.ts";

/** One request a second, TTFT `ttft` s, ten gaps of 100 ms. */
function record(serial: number, ttft: number | null, more: Partial<RequestRecord> = {}): RequestRecord {
  const at = seconds(serial) as never;
  const first = ttft === null ? null : (seconds(serial + ttft) as never);
  const end = seconds(serial + (ttft ?? 0) + 1) as never;
  const known = {
    serial,
    route: 0,
    tenant: 0,
    deployment: 0,
    result: "served",
    why: null,
    scheduled: at,
    sent: at,
    started: at,
    first,
    last: end,
    end,
  } as const;
  return { ...known, inputTokens: 10, cachedTokens: 4, outputTokens: 11, attempts: 1, nanoDollars: 1_000_000, priced: true, ...more } as RequestRecord;
}

function figures(records: readonly RequestRecord[]) {
  const table = new RecordTable();
  for (const one of records) table.add(one);
  const rates = { input: 1_000_000, cachedRead: 0, cacheWrite: 0, output: 2_000_000 } as never;
  const slo = { ttft: seconds(1), tpot: seconds(0.1), e2e: seconds(3) };
  return summarise(table, { warmUp: 0 as never, routes: 1, deployments: 1, slo, baseline: { deployment: "cloud", rates } }).summary;
}

test("goodput is the share of all that was scheduled: slow, failed, cut and rejected requests are bad", () => {
  const bad = { first: null, last: null, outputTokens: 0 };
  const { goodput } = figures([
    record(0, 0.5),
    record(1, 1),
    record(2, 1.5),
    record(3, 0.5, { result: "cut" }),
    record(4, null, { result: "rejected", ...bad }),
    record(5, null, { result: "failed", ...bad }),
    record(6, 0.5, { last: seconds(7.6) as never, end: seconds(7.6) as never }),
    record(7, 0.5),
  ]);
  expect(goodput).toEqual({ good: 3, percent: 37.5, perSecond: 0.429 });
});

test("what is judged counts the bad ones as endless, and leaves out whose callers left", () => {
  const bad = { first: null, last: null, outputTokens: 0 };
  const good = Array.from({ length: 18 }, (_, serial) => record(serial, 0.5));
  const { judged, ttftMs } = figures([...good, record(18, null, { result: "failed", ...bad }), record(19, null, { result: "client-left", ...bad })]);
  expect(judged.ttftMs).toEqual({ p50: 500, p90: 500, p95: null, p99: null });
  expect(judged.e2eMs).toEqual({ p50: 1500, p90: 1500, p95: null, p99: null });
  expect(ttftMs?.p99).toBe(500);
});

test("cached tokens, and what a baseline would have cost", () => {
  const { cachedTokenPercent, baseline, cost } = figures([record(0, 0.5), record(1, 0.5)]);
  expect(cachedTokenPercent).toBe(40);
  expect(cost.dollars).toBe(0.002);
  // 2 x (10 x 1 + 11 x 2) millionths of a dollar
  expect(baseline).toEqual({ deployment: "cloud", dollars: 0.000064, savedPercent: -3025 });
});

test("gaps count as often as a request has them", () => {
  expect(weightedDistributionMs(Float64Array.of(3000, 1000, 2000), Float64Array.of(1, 8, 1))).toEqual({ count: 10, p50: 1, p90: 2, p95: 3, p99: 3, mean: 1.3 });
  expect(weightedDistributionMs(Float64Array.of(), Float64Array.of())).toBeNull();
});
