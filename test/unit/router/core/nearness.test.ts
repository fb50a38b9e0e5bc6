import { describe, expect, test } from "vitest";
import type { RouterCommand } from "../../../../router/core/messages.ts";
import { Router } from "../../../../router/core/router.ts";
import type { Place } from "../../../../router/core/state.ts";
import { Recorder } from "../../../support/recorder.ts";
import { fixtureConfig, type FixtureOptions, fixtureRequest, only } from "../../../support/router-fixture.ts";
import { instantAt } from "../../../../router/core/time.ts";

/** Endpoints 0 and 1 in zones zone-0 and zone-1 of region "here", 2 and 3 in the zones of the same names' region "there", 4 nowhere. */
const options: FixtureOptions = {
  strategy: "round-robin",
  deployments: [{ endpoints: 2, region: 0, concurrencyMax: 2 }, { endpoints: 2, region: 1, concurrencyMax: 2 }, {}],
  breaker: { failures: 1 },
};
const config = fixtureConfig(options);
const named = {
  ...config,
  endpoints: config.endpoints.map((endpoint) => (endpoint.id < 2 ? endpoint : { ...endpoint, zone: endpoint.id < 4 ? `far-${endpoint.zone}` : "" })),
};

function endpointsOf(here: Place, requests: number, request: Parameters<typeof fixtureRequest>[2] = {}): number[] {
  const router = new Router(named, { seed: 1, explain: true, here });
  const recorder = new Recorder<RouterCommand>();
  return Array.from({ length: requests }, (_, id) => {
    router.handle({ kind: "request-arrived", request: fixtureRequest(id, id, request) }, instantAt(0), recorder);
    return (
      only(
        recorder.take().map(({ command }) => command),
        "start-attempt",
      )[0]?.endpoint ?? -1
    );
  });
}

describe("nearness", () => {
  test("nobody knows where this replica is: all are alike", () => {
    expect(new Set(endpointsOf({ region: "", zone: "" }, 5))).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  test("its own zone while that has a place, then its region, then the rest", () => {
    const [first, second, third, fourth, ...rest] = endpointsOf({ region: "here", zone: "zone-0" }, 7);
    expect([first, second, third, fourth]).toEqual([0, 0, 1, 1]);
    expect(rest.every((endpoint) => endpoint >= 2)).toBe(true);
  });

  test("only the region is known", () => {
    expect(endpointsOf({ region: "there", zone: "" }, 4).toSorted((one, other) => one - other)).toEqual([2, 2, 3, 3]);
  });

  test("a residency elsewhere is not touched by nearness, and waits rather than being relaxed", () => {
    expect(endpointsOf({ region: "here", zone: "zone-0" }, 5, { residency: 1 })).toEqual(expect.arrayContaining([2, 3, -1]));
    expect(endpointsOf({ region: "here", zone: "zone-0" }, 5, { residency: 1 }).every((endpoint) => [2, 3, -1].includes(endpoint))).toBe(true);
  });

  test("the region that a request prefers goes before nearness", () => {
    expect(endpointsOf({ region: "here", zone: "zone-0" }, 1, { region: 1 })[0]).toBeGreaterThan(1);
  });

  test("that holds after a request that preferred none, too", () => {
    const router = new Router(named, { seed: 1, explain: true, here: { region: "here", zone: "zone-0" } });
    const recorder = new Recorder<RouterCommand>();
    const arrive = (id: number, region: number): number | undefined => {
      router.handle({ kind: "request-arrived", request: fixtureRequest(id, id, { region }) }, instantAt(0), recorder);
      return only(
        recorder.take().map(({ command }) => command),
        "start-attempt",
      )[0]?.endpoint;
    };
    expect(arrive(0, -1)).toBe(0);
    expect(arrive(1, 1)).toBeGreaterThan(1);
  });

  test("an open breaker spills over, and the explanation says what is farther", () => {
    const router = new Router(named, { seed: 1, explain: true, here: { region: "here", zone: "zone-0" } });
    const recorder = new Recorder<RouterCommand>();
    const arrive = (id: number): RouterCommand[] => {
      router.handle({ kind: "request-arrived", request: fixtureRequest(id, id) }, instantAt(id), recorder);
      return recorder.take().map(({ command }) => command);
    };
    const first = arrive(0);
    expect(only(first, "record-decision")[0]?.explanation.excluded).toEqual([1, 2, 3, 4].map((endpoint) => ({ endpoint, why: "farther" })));
    const attempt = only(first, "start-attempt")[0]?.attempt;
    if (attempt === undefined) throw new Error("no attempt");
    const outcome = { kind: "failed", failure: "server-error", retryAfter: null, billed: "no", usage: null, usageEstimated: false, lagged: false } as const;
    router.handle({ kind: "attempt-ended", attempt, outcome }, instantAt(1), recorder);
    expect(
      only(
        recorder.take().map(({ command }) => command),
        "start-attempt",
      )[0]?.endpoint,
    ).toBe(1);
    expect(only(arrive(2), "start-attempt")[0]?.endpoint).toBe(1);
  });
});
