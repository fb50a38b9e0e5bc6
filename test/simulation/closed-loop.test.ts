import path from "node:path";
import { expect, test } from "vitest";
import { FleetInvariants } from "../../simulator/core/invariant/fleet-invariants.ts";
import type { RequestRecord } from "../../simulator/core/measure/request-record.ts";
import type { ClosedLoop } from "../../simulator/core/workload/closed-loop.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { loadScenario } from "../../simulator/scenario/load-scenario.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const second = 1_000_000;

/** A context that grows by 256 tokens a call; the input length tells the place within the session. */
function session(name: number, calls: number): string {
  const steps = Array.from({ length: calls }, (_, place) => ({ w: 250_000, i: 512 + 256 * place, o: 150, b: [1, 8 + 4 * place] }));
  return JSON.stringify({ s: `s${name}`, steps });
}

/** One engine of 16 places under 64 sessions. */
const scenarioFile = (timeLimit: string): string => `
trace: { format: headgate, file: sessions.jsonl, sessions: { atOnce: 64, rampUp: 1s, timeLimit: ${timeLimit} } }
config:
  deployments:
    pool: { provider: vllm, model: m, endpoints: ["http://pool:8000"], context: 200000, price: { input: 0.1, output: 0.4 } }
  routes:
    code: { deployments: [pool], strategy: least-busy, timeouts: { firstToken: 10m, total: 20m } }
fleet:
  pool: { kind: vllm, engine: { blocks: 20000, sequencesMax: 16, modelTokensMax: 200000 } }
`;

interface Run {
  readonly records: readonly RequestRecord[];
  readonly loop: ClosedLoop;
  readonly endS: number;
}

async function simulate(timeLimit: string, calls: number): Promise<Run> {
  const sessions = ['{"headgate":"trace","version":1,"blockTokens":64}', ...Array.from({ length: 400 }, (_, place) => session(place, calls))].join("\n");
  const folder = temporaryFolder({ "sessions.jsonl": sessions, "scenario.yaml": scenarioFile(timeLimit) });
  const scenario = await loadScenario(path.join(folder, "scenario.yaml"), {});
  const loop = scenario.kind === "loaded" ? scenario.closedLoop() : null;
  if (scenario.kind !== "loaded" || loop === null) throw new Error("the scenario has no sessions");
  const invariants = new FleetInvariants(scenario.compiled);
  const records: RequestRecord[] = [];
  const world = createWorld(scenario.compiled, {
    seed: 3,
    arrivals: scenario.arrivals(),
    closedLoop: loop,
    watch: invariants,
    observer: { requestEnded: (record) => records.push(record), breakerChanged: () => {} },
  });
  world.run();
  expect(invariants.finished()).toEqual([]);
  return { records, loop, endS: Math.max(...records.map(({ end }) => end)) / second };
}

test("under overload sessions keep order and think times, and the number of calls under way stays bounded", async () => {
  const { records, loop, endS } = await simulate("5m", 12);
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
  expect(endS).toBeLessThan(301);
});

test("it ends at the time limit: nothing is sent after it, what is under way is left", async () => {
  const { records, loop, endS } = await simulate("60s", 400);
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

test("the same seed gives the same run", async () => {
  const play = async (): Promise<string> => JSON.stringify((await simulate("10s", 6)).records);
  expect(await play()).toBe(await play());
});
