import { expect, test } from "vitest";
import type { Duration } from "../../router/core/machine.ts";
import { FleetInvariants } from "../../simulator/core/invariant/fleet-invariants.ts";
import type { RequestRecord } from "../../simulator/core/measure/request-record.ts";
import { ClosedLoop, type ClosedLoopSpec } from "../../simulator/core/workload/closed-loop.ts";
import type { SessionScript, SessionStep } from "../../simulator/core/workload/session-script.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { smallScenario, smallVllm } from "../support/small-scenario.ts";

const second = 1_000_000;
const spec: ClosedLoopSpec = {
  sessionsMax: 64,
  rampUp: second as Duration,
  idleMax: Infinity as Duration,
  timeLimit: (60 * second) as Duration,
  goOnAfterFailure: true,
  keyTokens: 16,
};

/** A context that grows by 256 tokens a call; the input length tells the session and the place within it. */
function script(session: number, calls: number): SessionScript {
  const steps = Array.from({ length: calls }, (_, place): SessionStep => ({
    kind: "call",
    thinkUs: 250_000,
    inputTokens: 512 + 256 * place,
    outputTokens: 150,
    blockRuns: [1, 8 + 4 * place],
    apiSeconds: null,
    ttftSeconds: null,
  }));
  return { id: `s${session}`, tenant: null, route: null, blockTokens: 64, steps };
}

interface Run {
  readonly records: readonly RequestRecord[];
  readonly loop: ClosedLoop;
  readonly endS: number;
}

/** One engine of 16 places under 64 sessions. */
function simulate(loopSpec: ClosedLoopSpec, calls: number): Run {
  const scenario = smallScenario([{ name: "pool", model: "m", replicas: [smallVllm] }]);
  const invariants = new FleetInvariants(scenario);
  const loop = new ClosedLoop(loopSpec, Array.from({ length: 400 }, (_, session) => script(session, calls)).values());
  const records: RequestRecord[] = [];
  const world = createWorld(scenario, {
    seed: 3,
    arrivals: [].values(),
    closedLoop: loop,
    watch: invariants,
    observer: { requestEnded: (record) => records.push(record), breakerChanged: () => {} },
  });
  world.run();
  expect(invariants.finished()).toEqual([]);
  return { records, loop, endS: world.now / second };
}

test("under overload sessions keep order and think times, and the number of calls under way stays bounded", () => {
  const { records, loop, endS } = simulate(spec, 12);
  const sent = records.toSorted((one, other) => one.serial - other.serial);
  expect(sent.length).toBe(loop.counts.callsSent);
  let open = 0;
  let most = 0;
  for (const [, change] of sent
    .flatMap(({ scheduled, end }): [number, number][] => [
      [scheduled, 1],
      [end, -1],
    ])
    .toSorted(([one, a], [other, b]) => one - other || a - b)) {
    open += change;
    most = Math.max(most, open);
  }
  expect(most).toBeLessThanOrEqual(64);
  // It is an overload: an answer takes several times the think time.
  const served = sent.filter(({ result }) => result === "served");
  expect(served.length).toBeGreaterThan(200);
  const e2eS = served.map(({ scheduled, end }) => (end - scheduled) / second).toSorted((one, other) => one - other);
  expect(e2eS[Math.floor(e2eS.length / 2)]).toBeGreaterThan(1);
  // Every call but a session's first is sent its think time after some call of one place earlier has ended.
  const ends = new Map<number, Set<number>>();
  for (const { inputTokens, end } of sent) ends.set(inputTokens, (ends.get(inputTokens) ?? new Set()).add(end));
  for (const { inputTokens, scheduled } of sent) {
    if (inputTokens > 512) expect(ends.get(inputTokens - 256)?.has(scheduled - 250_000)).toBe(true);
  }
  expect(endS).toBeLessThan(61);
});

test("it ends at the time limit: nothing is sent after it, what is under way is left", () => {
  const { records, loop, endS } = simulate(spec, 400);
  const last = records.reduce((latest, { scheduled }) => Math.max(latest, scheduled), 0);
  expect(last).toBeLessThan(60 * second);
  expect(endS).toBeGreaterThanOrEqual(60);
  expect(endS).toBeLessThan(60.5);
  expect(loop.done).toBe(true);
  const left = records.filter(({ result }) => result === "client-left");
  expect(left.length).toBeGreaterThan(0);
  expect(left.length).toBeLessThanOrEqual(loop.counts.callsLeft);
  expect(left.every(({ end }) => end >= 60 * second)).toBe(true);
});

test("the same seed gives the same run", () => {
  const play = (): string => JSON.stringify(simulate({ ...spec, timeLimit: (10 * second) as Duration }, 6).records);
  expect(play()).toBe(play());
});
