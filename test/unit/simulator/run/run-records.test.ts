import { expect, test } from "vitest";
import type { DeploymentId, RouteId } from "../../../../router/core/messages.ts";
import { forkRandom, nextBelow, nextUnit } from "../../../../router/core/random.ts";
import { type Instant } from "../../../../router/core/machine.ts";
import { seconds } from "../../../../router/core/time.ts";
import type { RequestRecord } from "../../../../simulator/core/measure/request-record.ts";
import { timeSeries } from "../../../../simulator/core/measure/time-series.ts";
import { openMetrics } from "../../../../simulator/result/open-metrics.ts";
import { RunRecords } from "../../../../simulator/run/run-records.ts";
import { fixtureConfig } from "../../../support/router-fixture.ts";

const config = fixtureConfig({ deployments: [{ tier: 0 }, { tier: 1 }, {}], tenants: 3 });
const every = seconds(20);
const rows = 4000;

/** In the order of their ends, as a world tells them; `spreadUs`: of the times they take. */
function someRecords(spreadUs: number): RequestRecord[] {
  const random = forkRandom(9, "records");
  const made = Array.from({ length: rows }, (_, serial): RequestRecord => {
    const scheduled = serial * 30_000 + nextBelow(random, 30_000);
    const took = 1000 + nextBelow(random, spreadUs);
    const result = (["served", "served", "served", "cut", "client-left", "failed", "rejected"] as const)[nextBelow(random, 7)] ?? "served";
    const isTried = result !== "rejected";
    const hasFirst = result === "served" || result === "cut";
    const at = (us: number): Instant => us as Instant;
    return {
      serial,
      route: 0 as RouteId,
      tenant: nextBelow(random, 3) as RequestRecord["tenant"],
      deployment: isTried ? (nextBelow(random, 3) as DeploymentId) : null,
      result,
      why: result === "failed" || result === "cut" ? "timeout" : result === "rejected" ? "no-capacity" : null,
      scheduled: at(scheduled),
      sent: at(scheduled),
      started: isTried ? at(scheduled + (took >> 3)) : null,
      first: hasFirst ? at(scheduled + (took >> 1)) : null,
      last: hasFirst ? at(scheduled + took) : null,
      end: at(scheduled + took),
      inputTokens: 1 + nextBelow(random, 4000),
      cachedTokens: nextBelow(random, 100),
      outputTokens: hasFirst ? 1 + nextBelow(random, 500) : 0,
      attempts: isTried ? 1 + nextBelow(random, 3) : 0,
      nanoDollars: nextBelow(random, 1_000_000),
      priced: nextUnit(random) < 0.99,
      batch: nextUnit(random) < 0.2,
      version: null,
    };
  });
  return made.toSorted((one, other) => one.end - other.end);
}

function madeOf(records: readonly RequestRecord[], keptMax: number, windowSeconds?: number) {
  const run = new RunRecords({
    config,
    summary: {
      warmUp: seconds(30),
      window: windowSeconds === undefined ? undefined : seconds(windowSeconds),
      routes: 1,
      deployments: 3,
      tenants: 3,
      tierOf: [0, 1, 0],
      slo: { ttft: seconds(1), e2e: seconds(4) },
    },
    sampleEvery: every,
    keeps: "series",
    keptMax,
  });
  let most = 0;
  for (const record of records) {
    run.add(record);
    most = Math.max(most, run.table.rows);
  }
  const figures = run.figures();
  const { steps, totals } = run.series();
  const series = timeSeries({ config, every, steps, samples: [], breakerChanges: [], faults: [] });
  return { made: { figures, series, metrics: openMetrics({ config, requests: totals, samples: [], breakerChanges: [] }) }, most };
}

test.for([
  ["short requests", 8_000_000, undefined],
  ["requests that are open for long", 40_000_000, undefined],
  ["a window that ends in the middle", 8_000_000, 60],
] as const)("%s: summed up on the way or from all of them at the end, the figures are the same", ([, spreadUs, windowSeconds]) => {
  const records = someRecords(spreadUs);
  const whole = madeOf(records, Infinity, windowSeconds);
  const onTheWay = madeOf(records, 500, windowSeconds);
  expect(whole.most).toBe(rows);
  expect(onTheWay.most).toBeLessThan(rows);
  expect([whole.made.figures.isExact, onTheWay.made.figures.isExact]).toEqual([true, false]);
  expect(onTheWay.made).toEqual({ ...whole.made, figures: { ...whole.made.figures, isExact: false } });
  expect(whole.made.figures.summary.requests.scheduled).toBeGreaterThan(1000);
});
