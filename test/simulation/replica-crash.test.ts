import { expect, test } from "vitest";
import { instantAt, micros } from "../../router/core/time.ts";
import type { FaultPlan } from "../../simulator/core/fault/fault-spec.ts";
import { FleetInvariants } from "../../simulator/core/invariant/fleet-invariants.ts";
import type { RequestRecord } from "../../simulator/core/measure/request-record.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { defaultScenario } from "../support/default-scenario.ts";

const crash = (replica: number, at: number, lasts: number): FaultPlan => ({
  name: `crash ${replica}`,
  target: { kind: "replica", replica },
  timing: { kind: "once", at: instantAt(at * 1_000_000), for: micros(lasts * 1_000_000) },
});

/** Ten requests a second for 40 s, each of about half a second. */
function play(count: number, faultPlans: readonly FaultPlan[]) {
  const limits = "limits: [ { requestsPerMinute: 100000, tokensPerMinute: 100000000 } ]";
  const scenario = { ...defaultScenario({ endpoints: 2, top: limits }), faultPlans, replicas: { count, gossip: micros(5_000), signals: null } };
  const arrivals = Array.from({ length: 400 }, (_, serial) => ({
    at: instantAt(serial * 100_000),
    inputTokens: 50,
    outputTokens: 100,
    blocks: null,
    route: null,
  }));
  const invariants = new FleetInvariants(scenario);
  const records: RequestRecord[] = [];
  createWorld(scenario, {
    seed: 1,
    arrivals: arrivals[Symbol.iterator](),
    observer: { requestEnded: (record) => records.push(record), breakerChanged: () => undefined },
    watch: invariants,
  }).run();
  return { records, violations: invariants.finished() };
}

test("a lone replica that crashes loses what it has under way, refuses until it is back, and serves again", () => {
  const { records, violations } = play(1, [crash(0, 10, 5)]);
  expect(violations).toEqual([]);
  expect(records.map(({ serial }) => serial).toSorted((one, other) => one - other)).toEqual(Array.from({ length: 400 }, (_, serial) => serial));
  const lost = records.filter(({ result }) => result !== "served");
  expect(lost.filter(({ scheduled }) => scheduled >= 10_000_000).every(({ scheduled }) => scheduled < 15_000_000)).toBe(true);
  expect(lost.filter(({ scheduled }) => scheduled >= 10_000_000)).toHaveLength(50);
  const underWay = lost.filter(({ scheduled }) => scheduled < 10_000_000);
  expect(underWay.length).toBeGreaterThanOrEqual(4);
  expect(underWay.every(({ end }) => end === 10_000_000)).toBe(true);
  expect(new Set(underWay.map(({ result }) => result))).toEqual(new Set(["cut"]));
});

test("of several replicas the others take the arrivals over, with limits shared and the invariants of all intact", () => {
  const { records, violations } = play(3, [crash(0, 10, 5), crash(2, 12, 20)]);
  expect(violations).toEqual([]);
  const lost = records.filter(({ result }) => result !== "served");
  expect(records).toHaveLength(400);
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.every(({ end }) => end === 10_000_000 || end === 12_000_000)).toBe(true);
});
