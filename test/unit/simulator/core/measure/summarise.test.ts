import { expect, test } from "vitest";
import type { DeploymentId, RouteId } from "../../../../../router/core/messages.ts";
import { instantAt, micros } from "../../../../../router/core/time.ts";
import { metricsOf, nothingKnown } from "../../../../../simulator/core/measure/metrics.ts";
import { RecordTable } from "../../../../../simulator/core/measure/record-table.ts";
import type { RequestRecord } from "../../../../../simulator/core/measure/request-record.ts";
import { summarise } from "../../../../../simulator/core/measure/summarise.ts";

interface Told extends Partial<Omit<RequestRecord, "scheduled" | "first" | "last" | "end" | "deployment">> {
  readonly at: number;
  readonly first?: number | null;
  readonly last?: number | null;
  readonly end: number;
  readonly deployment?: number;
}

/** Seconds in, a record out: 10 tokens in, 11 out, one attempt, one dollar. */
function record({ at, first, last, end, deployment = 0, ...more }: Told): RequestRecord {
  const instant = (seconds: number) => instantAt(seconds * 1_000_000);
  return {
    serial: 0,
    route: 0 as RouteId,
    tenant: 0 as RequestRecord["tenant"],
    deployment: deployment as DeploymentId,
    result: "served",
    why: null,
    scheduled: instant(at),
    sent: instant(at),
    started: instant(at),
    first: first === null ? null : instant(first ?? at + 1),
    last: last === null ? null : instant(last ?? end),
    end: instant(end),
    inputTokens: 10,
    cachedTokens: 0,
    outputTokens: 11,
    attempts: 1,
    nanoDollars: 1_000_000_000,
    priced: true,
    version: null,
    ...more,
  };
}

function figuresOf(records: readonly Told[], warmUpSeconds = 0) {
  const table = new RecordTable();
  for (const told of records) table.add(record(told));
  return summarise(table, { warmUp: micros(warmUpSeconds * 1_000_000), routes: 1, deployments: 2 });
}
const nothing = { first: null, last: null, outputTokens: 0 };

test("latencies count from the scheduled time; TPOT is per token after the first", () => {
  const { summary } = figuresOf([
    { at: 0, first: 2, last: 4, end: 4 },
    { at: 10, first: 11, last: 16, end: 17 },
  ]);
  expect(summary.ttftMs).toMatchObject({ count: 2, p50: 1500, max: 2000 });
  expect(summary.tpotMs).toMatchObject({ count: 2, p50: 350, max: 500 });
  expect(summary.e2eMs).toMatchObject({ count: 2, p50: 5500, max: 7000 });
});

test("one token has no TPOT; a cut answer has a TTFT, but no E2E; a failed one has neither", () => {
  const { summary } = figuresOf([
    { at: 0, end: 1, first: 1, outputTokens: 1 },
    { at: 1, end: 3, result: "cut", why: "cut" },
    { at: 2, end: 5, result: "failed", why: "server-error", attempts: 3, ...nothing },
    { at: 3, end: 3, result: "rejected", why: "queue-full", attempts: 0, nanoDollars: 0, ...nothing },
    { at: 4, end: 5, result: "client-left", ...nothing },
  ]);
  expect(summary.requests).toEqual({
    scheduled: 5,
    served: 1,
    cut: 1,
    clientLeft: 1,
    failed: 1,
    rejected: 1,
    reasons: { cut: 1, "queue-full": 1, "server-error": 1 },
  });
  expect([summary.ttftMs?.count, summary.tpotMs, summary.e2eMs?.count]).toEqual([2, null, 1]);
  expect({ attempts: summary.attempts, retries: summary.retries, amplification: summary.amplification }).toEqual({
    attempts: 6,
    retries: 2,
    amplification: 1.5,
  });
});

test("the window goes from the warm-up to the last scheduled request; what came later is the drain", () => {
  const { summary } = figuresOf(
    [
      { at: 0, end: 9 },
      { at: 4, end: 5 },
      { at: 5, end: 6 },
      { at: 10, end: 14 },
    ],
    5,
  );
  expect(summary.window).toEqual({ fromMs: 5000, untilMs: 10_000 });
  expect(summary.drain).toEqual({ requests: 1, lastsMs: 4000 });
  expect(summary.warmUpRequests).toBe(2);
  expect(summary.requests.scheduled).toBe(2);
});

test("a window of its own length has as many slots as fit into it: what is scheduled at its end is outside", () => {
  const table = new RecordTable();
  for (let at = 0; at <= 90; at += 3) table.add(record({ at, end: at + 1 }));
  const scheduled = (seconds: number): number =>
    summarise(table, { warmUp: micros(0), window: micros(seconds * 1_000_000), routes: 1, deployments: 1 }).summary.requests.scheduled;
  expect([scheduled(60), scheduled(61), scheduled(90), scheduled(91)]).toEqual([20, 21, 30, 31]);
});

test("throughput is what came out within the window, in proportion at its edges", () => {
  const { summary } = figuresOf(
    [
      { at: 0, first: 0, last: 10, end: 10, outputTokens: 100 },
      { at: 10, first: 10, last: 30, end: 30, outputTokens: 100 },
      { at: 20, first: 20, last: 20, end: 21, outputTokens: 1 },
    ],
    5,
  );
  // Of the first half, of the second half, and the single token on the edge, over 15 s.
  expect(summary.outputTokensPerSecond).toBe(6.733);
  expect(summary.requestsPerSecond).toBe(0.067);
});

test("cost: exact sums; quotients only where every price is known", () => {
  const known = figuresOf([
    { at: 0, end: 1, nanoDollars: 1 },
    { at: 1, end: 2, nanoDollars: 2 },
  ]).summary.cost;
  expect(known).toEqual({ dollars: 3e-9, perRequestDollars: 2e-9, per1kTokensDollars: rounded9((3e-9 * 1000) / 42), unpricedRequests: 0 });
  const unknown = figuresOf([
    { at: 0, end: 1 },
    { at: 1, end: 2, nanoDollars: 0, priced: false },
  ]).summary;
  expect(unknown.cost).toEqual({ dollars: 1, perRequestDollars: null, per1kTokensDollars: null, unpricedRequests: 1 });
  expect(metricsOf(unknown, nothingKnown).costDollars).toBeNull();
});
const rounded9 = (value: number): number => Math.floor(value * 1e9 + 0.5) / 1e9;

test("by deployment, and of nothing", () => {
  const { deployments, routes, summary } = figuresOf([
    { at: 0, end: 1, deployment: 1 },
    { at: 1, end: 2, deployment: 1 },
  ]);
  expect(deployments.map(({ requests }) => requests.served)).toEqual([0, 2]);
  expect(routes[0]?.requests).toEqual(summary.requests);
  expect(deployments[0]).toMatchObject({ ttftMs: null, amplification: null, cost: { dollars: 0, perRequestDollars: null } });
  const none = figuresOf([]).summary;
  expect(none).toMatchObject({ requestsPerSecond: null, outputTokensPerSecond: null, requests: { scheduled: 0 } });
  expect(metricsOf(none, nothingKnown).servedPercent).toBeNull();
});

test("what was allowed to be delayed stands apart, with what its price saves", () => {
  const table = new RecordTable();
  table.add(record({ at: 0, end: 9, first: 8, batch: true }));
  table.add(record({ at: 1, end: 9, batch: true, result: "failed", why: "rate-limited", ...nothing }));
  table.add(record({ at: 2, end: 3, batch: true, deployment: 1 }));
  table.add(record({ at: 3, end: 5 }));
  const flat = { input: 4_000_000, cachedRead: 4_000_000, cacheWrite: 4_000_000, output: 8_000_000 };
  const half = { input: 2_000_000, cachedRead: 2_000_000, cacheWrite: 2_000_000, output: 4_000_000 };
  const { summary } = summarise(table, { warmUp: micros(0), routes: 1, deployments: 2, rates: [{ ...flat, batch: half }, flat] });
  // 10 tokens in, 11 out, at the deployment that has a batch price.
  expect(summary.batches).toMatchObject({ percent: 75, savedDollars: (10 * 2 + 11 * 4) / 1_000_000 });
  expect(summary.batches?.figures.requests).toMatchObject({ scheduled: 3, served: 2, failed: 1 });
  expect(summary.batches?.atOnce).toMatchObject({ requests: { scheduled: 1 }, e2eMs: { p50: 2000 } });
  expect(figuresOf([{ at: 0, end: 1 }]).summary).not.toHaveProperty("batches");
});

test("a table of many records grows without losing any", () => {
  const many = Array.from({ length: 5000 }, (_, index): Told => ({ at: index, end: index + 1 }));
  expect(figuresOf(many).summary).toMatchObject({ requests: { served: 5000 }, cost: { dollars: 5000 } });
});
