import { expect, test } from "vitest";
import type { FaultSpec } from "../../../../../simulator/core/compiled-scenario.ts";
import { healthy } from "../../../../../simulator/core/endpoint.ts";
import { faultChanges } from "../../../../../simulator/core/fault/fault-script.ts";

const spec = (endpoint: number, at: number, until: number, fault: FaultSpec["fault"]): FaultSpec => ({ endpoint, at, until, fault }) as unknown as FaultSpec;

test("no faults, no changes", () => {
  expect(faultChanges([])).toEqual([]);
});

test("overlapping faults of one endpoint combine, and end one by one", () => {
  const changes = faultChanges([
    spec(1, 100, 400, { kind: "slow", factor: 2 }),
    spec(1, 200, 300, { kind: "slow", factor: 3 }),
    spec(1, 250, 350, { kind: "error", rate: 0.2 }),
    spec(0, 250, 260, { kind: "down" }),
  ]);
  expect(changes).toEqual([
    { at: 100, endpoint: 1, fault: { ...healthy, slowdown: 2 } },
    { at: 200, endpoint: 1, fault: { ...healthy, slowdown: 6 } },
    { at: 250, endpoint: 0, fault: { ...healthy, down: true } },
    { at: 250, endpoint: 1, fault: { ...healthy, errorRate: 0.2, slowdown: 6 } },
    { at: 260, endpoint: 0, fault: healthy },
    { at: 300, endpoint: 1, fault: { ...healthy, errorRate: 0.2, slowdown: 2 } },
    { at: 350, endpoint: 1, fault: { ...healthy, slowdown: 2 } },
    { at: 400, endpoint: 1, fault: healthy },
  ]);
});

test("a fault that follows another without a gap makes one change, and one that never ends has no end", () => {
  const changes = faultChanges([spec(0, 0, 10, { kind: "down" }), spec(0, 10, 20, { kind: "down" }), spec(1, 5, Infinity, { kind: "error", rate: 1 })]);
  expect(changes.map(({ at, endpoint }) => [at, endpoint])).toEqual([
    [0, 0],
    [5, 1],
    [20, 0],
  ]);
});
