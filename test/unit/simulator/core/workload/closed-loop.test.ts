import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Duration, Instant } from "../../../../../router/core/machine.ts";
import { ClosedLoop, type ClosedLoopCommand, type ClosedLoopSpec, type LoopCallId } from "../../../../../simulator/core/workload/closed-loop.ts";
import type { SessionScript, SessionStep } from "../../../../../simulator/core/workload/session-script.ts";

const second = 1_000_000;
const never = Infinity as Duration;
const spec: ClosedLoopSpec = { sessionsMax: 2, rampUp: 0 as Duration, idleMax: never, timeLimit: never, goOnAfterFailure: true, keyTokens: 16 };

const call = (thinkSeconds: number, inputTokens: number): SessionStep => ({
  kind: "call",
  thinkUs: thinkSeconds * second,
  inputTokens,
  outputTokens: 10,
  blockRuns: [1, Math.floor(inputTokens / 64)],
  apiSeconds: null,
  ttftSeconds: null,
});
const script = (id: string, steps: readonly SessionStep[]): SessionScript => ({ id, tenant: null, route: null, blockTokens: 64, steps });

interface Played {
  readonly session: string;
  readonly inputTokens: number;
  readonly sentS: number;
  endS: number | null;
  readonly blocks: readonly number[];
  leftS: number | null;
}

/** Plays the loop against a server that takes `serve` seconds for the n-th call. */
function play(loop: ClosedLoop, serve: (place: number) => number, served: (place: number) => boolean = () => true): readonly Played[] {
  const played: Played[] = [];
  const open = new Map<LoopCallId, { readonly place: number; readonly at: number }>();
  const emit = (command: ClosedLoopCommand, at: Instant): void => {
    if (command.kind === "leave-call") {
      const { place } = open.get(command.call) ?? { place: -1 };
      const one = played[place];
      if (one !== undefined) one.leftS = at / second;
      open.set(command.call, { place, at });
      return;
    }
    const { arrival } = command;
    expect(arrival.at).toBe(at);
    open.set(command.call, { place: played.length, at: at + serve(played.length) * second });
    played.push({
      session: arrival.session ?? "",
      inputTokens: arrival.inputTokens,
      sentS: at / second,
      endS: null,
      blocks: [...(arrival.blocks ?? [])],
      leftS: null,
    });
  };
  for (;;) {
    const [next] = [...open].toSorted(([, one], [, other]) => one.at - other.at || one.place - other.place);
    const deadline = loop.nextDeadline();
    if (next !== undefined && next[1].at <= deadline) {
      const [callId, { place, at }] = next;
      open.delete(callId);
      const one = played[place];
      if (one !== undefined) one.endS = at / second;
      loop.handle({ kind: "call-ended", call: callId, served: served(place) }, at as Instant, { emit });
    } else if (deadline === Infinity) return played;
    else loop.wake(deadline, { emit });
  }
}

test("a call is sent its think time after the answer before, however late that came", () => {
  const loop = new ClosedLoop(spec, [script("a", [call(0, 100), call(5, 200), call(3, 300)])].values());
  expect(play(loop, () => 100).map(({ sentS }) => sentS)).toEqual([0, 105, 208]);
  expect(loop.counts).toMatchObject({ sessionsBegun: 1, sessionsCompleted: 1, callsSent: 3, callsServed: 3 });
  expect(loop.done).toBe(true);
});

test("parents wait for the slowest of their sub-agents, which start together and keep their own order", () => {
  const steps: SessionStep[] = [call(0, 1), { kind: "sub-agents", agents: [[call(1, 11), call(1, 12)], [call(2, 21)]] }, call(4, 2)];
  const loop = new ClosedLoop(spec, [script("a", steps)].values());
  const played = play(loop, () => 10);
  expect(played.map(({ inputTokens, sentS }) => [inputTokens, sentS])).toEqual([
    [1, 0],
    [11, 11],
    [21, 12],
    [12, 22],
    [2, 36],
  ]);
});

test("no more sessions are open than are allowed; one that ends makes place for the next", () => {
  const scripts = ["a", "b", "c"].map((id) => script(id, [call(0, 64), call(0, 128)]));
  const played = play(new ClosedLoop(spec, scripts.values()), () => 10);
  expect(played.filter(({ session }) => session === "c").map(({ sentS }) => sentS)).toEqual([20, 30]);
});

test("blocks of different sessions have different keys; a session's own are found again", () => {
  const scripts = ["a", "b"].map((id) => script(id, [call(0, 128), call(0, 256)]));
  const played = play(new ClosedLoop(spec, scripts.values()), () => 10);
  const keysOf = (id: string): readonly (readonly number[])[] => played.filter(({ session }) => session === id).map(({ blocks }) => blocks);
  const [first = [], second2 = []] = keysOf("a");
  expect(first.length).toBe(8);
  expect(second2.slice(0, 8)).toEqual(first);
  expect(second2.filter((key) => keysOf("b").flat().includes(key))).toEqual([]);
});

test("at the time limit nothing more is sent, calls under way are left, and the loop is done", () => {
  const loop = new ClosedLoop(
    { ...spec, timeLimit: (25 * second) as Duration },
    [script("a", [call(0, 1), call(0, 2), call(0, 3), call(0, 4)]), script("b", [call(0, 1), call(60, 2)])].values(),
  );
  const played = play(loop, () => 10);
  expect(played.map(({ session, sentS, leftS }) => [session, sentS, leftS])).toEqual([
    ["a", 0, null],
    ["b", 0, null],
    ["a", 10, null],
    ["a", 20, 25],
  ]);
  expect(loop.done).toBe(true);
  expect(loop.nextDeadline()).toBe(Infinity);
  expect(loop.counts).toMatchObject({ callsLeft: 1, sessionsCompleted: 0 });
});

test("an endless source of sessions ends at the time limit", () => {
  function* endless(): Generator<SessionScript, void, undefined> {
    for (let place = 0; ; place += 1) yield script(`s${place}`, [call(1, 64)]);
  }
  const loop = new ClosedLoop({ ...spec, timeLimit: (100 * second) as Duration }, endless());
  const played = play(loop, () => 4);
  expect(played.length).toBe(40);
  expect(played.every(({ sentS }) => sentS < 100)).toBe(true);
});

test("pauses are cut to the longest allowed; a failure ends the session where it is said to", () => {
  const idle = new ClosedLoop({ ...spec, idleMax: (2 * second) as Duration }, [script("a", [call(0, 1), call(500, 2)])].values());
  expect(play(idle, () => 1).map(({ sentS }) => sentS)).toEqual([0, 3]);
  const failing = (goOnAfterFailure: boolean): ClosedLoop =>
    new ClosedLoop({ ...spec, goOnAfterFailure }, [script("a", [call(0, 1), call(1, 2), call(1, 3)])].values());
  expect(
    play(
      failing(true),
      () => 1,
      (place) => place !== 0,
    ).length,
  ).toBe(3);
  const ended = failing(false);
  expect(
    play(
      ended,
      () => 1,
      (place) => place !== 0,
    ).length,
  ).toBe(1);
  expect(ended.counts).toMatchObject({ sessionsAbandoned: 1, callsFailed: 1 });
});

const anySteps = fc.letrec<{ steps: SessionStep[]; step: SessionStep }>((tie) => ({
  steps: fc.array(tie("step"), { minLength: 1, maxLength: 4 }),
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 2000 })).map(([think, input]) => call(think, input)),
    fc.array(tie("steps"), { minLength: 1, maxLength: 3 }).map((agents): SessionStep => ({ kind: "sub-agents", agents })),
  ),
})).steps;

test("under any overload the calls of a line of agents keep their order and their think times", () => {
  fc.assert(
    fc.property(
      fc.array(anySteps, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 3 }),
      (sessions, times, sessionsMax) => {
        const scripts = sessions.map((steps, place) => script(`s${place}`, steps));
        const loop = new ClosedLoop({ ...spec, sessionsMax }, scripts.values());
        const played = play(loop, (place) => times[place % times.length] ?? 0);
        for (const { id, steps } of scripts) {
          const own = played.filter(({ session }) => session === id);
          expect(own.length).toBe(countCalls(steps));
          if (steps.every(({ kind }) => kind === "call")) {
            for (const [place, one] of own.slice(1).entries()) {
              const step = steps[place + 1];
              expect(one.sentS - (own[place]?.endS ?? NaN)).toBeCloseTo(step?.kind === "call" ? step.thinkUs / second : NaN, 6);
              expect(one.inputTokens).toBe(step?.kind === "call" ? step.inputTokens : NaN);
            }
          }
        }
        expect(loop.counts).toMatchObject({ sessionsCompleted: scripts.length, callsServed: played.length, callsLeft: 0 });
        expect(loop.done).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});

function countCalls(steps: readonly SessionStep[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === "call" ? 1 : step.agents.reduce((calls, agent) => calls + countCalls(agent), 0)), 0);
}
