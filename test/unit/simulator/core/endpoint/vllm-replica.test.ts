import { expect, test } from "vitest";
import { healthy } from "../../../../../simulator/core/endpoint.ts";
import type { VllmSpec } from "../../../../../simulator/core/compiled-scenario.ts";
import { LiveCalls } from "../../../../../simulator/core/endpoint/live-calls.ts";
import { VllmReplica } from "../../../../../simulator/core/endpoint/vllm-replica.ts";
import { createEngine } from "../../../../../simulator/core/engine/create-engine.ts";
import type { PiecewiseSpec } from "../../../../../simulator/core/step-time/step-time-spec.ts";
import { CommandRecorder } from "../../../../support/endpoint-history.ts";
import { smallSpec } from "../../../../support/engine-play.ts";
import { SoloEngine } from "../../../../support/solo-engine.ts";

const spec = { kind: "vllm", engine: { modelTokensMax: 1_000 }, frontEndBefore: 700, frontEndAfter: 300 } as unknown as VllmSpec;

const call = (id: number, tokens: Partial<{ input: number; output: number; max: number; blocks: Int32Array }> = {}) =>
  ({
    kind: "call-received",
    call: id,
    serial: id,
    inputTokens: tokens.input ?? 100,
    blocks: tokens.blocks ?? null,
    outputTokens: tokens.output ?? 3,
    outputTokensMax: tokens.max ?? 50,
    priority: 0,
  }) as never;
const usage = (input: number, output: number, cachedRead = 0) => ({ input, cachedRead, cacheWrite: 0, output, reasoning: 0 });

test("the front end delays both ways, and the cached part of the prompt is told", () => {
  const replica = new VllmReplica(spec, new SoloEngine({ detail: "tokens" }), { seed: 1, index: 0 });
  const recorder = new CommandRecorder();
  replica.handle(call(4, { blocks: new Int32Array([1, 2]) }), 0 as never, recorder);
  expect(replica.observe(0 as never)).toMatchObject({ running: 0, waiting: 1 });
  replica.wake(10_000 as never, recorder);
  expect(recorder.commands).toEqual([
    { at: 2_000, command: { kind: "emit-tokens", call: 4, from: 0, count: 1 } },
    { at: 2_100, command: { kind: "emit-tokens", call: 4, from: 1, count: 1 } },
    { at: 2_200, command: { kind: "emit-tokens", call: 4, from: 2, count: 1 } },
    { at: 2_200, command: { kind: "end-call", call: 4, reason: "stop", usage: usage(100, 3, 32) } },
  ]);
});

test("a prompt without room for a token is refused; a cap beyond the room is clamped", () => {
  const replica = new VllmReplica(spec, new SoloEngine({ detail: "first-token" }), { seed: 1, index: 0 });
  const recorder = new CommandRecorder();
  replica.handle(call(0, { input: 1_000 }), 0 as never, recorder);
  replica.handle(call(1, { input: 998, output: 40, max: 50 }), 0 as never, recorder);
  replica.wake(10_000 as never, recorder);
  expect(recorder.commands.map(({ command }) => command)).toEqual([
    { kind: "refuse-call", call: 0, failure: "context-exceeded", retryAfter: null },
    { kind: "emit-tokens", call: 1, from: 0, count: 1 },
    { kind: "end-call", call: 1, reason: "length", usage: usage(998, 2) },
  ]);
});

test("an aborted call is silent at every stage, its slot is free at once, and the engine lets go", () => {
  for (const abortAt of [100, 1_000, 1_950, 2_150, 2_199]) {
    const engine = new SoloEngine({ detail: "tokens" });
    const calls = new LiveCalls();
    const replica = new VllmReplica(spec, engine, { seed: 1, index: 0 }, calls);
    const before = new CommandRecorder();
    replica.handle(call(0), 0 as never, before);
    replica.handle({ kind: "call-aborted", call: 0 as never }, abortAt as never, before);
    const later = new CommandRecorder();
    replica.handle(call(0, { output: 1 }), abortAt as never, later);
    replica.wake(100_000 as never, later);
    expect(later.commands).toEqual([
      { at: abortAt + 2_000, command: { kind: "emit-tokens", call: 0, from: 0, count: 1 } },
      { at: abortAt + 2_000, command: { kind: "end-call", call: 0, reason: "stop", usage: usage(100, 1) } },
    ]);
    expect(engine.sequences.size).toBe(0);
    expect(calls.underWay).toBe(0);
    expect(replica.nextDeadline()).toBe(Infinity);
  }
});

test("down cuts calls at every stage at that instant and refuses until it ends", () => {
  const calls = new LiveCalls();
  const replica = new VllmReplica(spec, new SoloEngine({ detail: "tokens" }), { seed: 1, index: 0 }, calls);
  const recorder = new CommandRecorder();
  replica.handle(call(2, { output: 1 }), 0 as never, recorder); // its last token is on its way out at 1,900
  replica.handle(call(0, { output: 9 }), 50 as never, recorder); // in the engine
  replica.handle(call(1), 1_500 as never, recorder); // on its way in
  replica.handle({ kind: "fault-changed", fault: { ...healthy, down: true } }, 1_900 as never, recorder);
  replica.handle(call(3), 1_950 as never, recorder);
  replica.handle({ kind: "fault-changed", fault: { ...healthy } }, 5_000 as never, recorder);
  replica.handle(call(3, { output: 1 }), 5_000 as never, recorder);
  replica.wake(50_000 as never, recorder);
  expect(recorder.commands).toEqual([
    { at: 1_900, command: { kind: "cut-call", call: 0, usage: usage(100, 2) } },
    { at: 1_900, command: { kind: "cut-call", call: 1, usage: usage(0, 0) } },
    { at: 1_900, command: { kind: "cut-call", call: 2, usage: usage(100, 1) } },
    { at: 1_950, command: { kind: "refuse-call", call: 3, failure: "connect-failed", retryAfter: null } },
    { at: 7_000, command: { kind: "emit-tokens", call: 3, from: 0, count: 1 } },
    { at: 7_000, command: { kind: "end-call", call: 3, reason: "stop", usage: usage(100, 1) } },
  ]);
  expect(calls.underWay).toBe(0);
});

test("down after an abort: what was aborted is not cut once more, at whatever stage it was", () => {
  for (const abortAt of [100, 1_000, 1_950, 2_150]) {
    const calls = new LiveCalls();
    const replica = new VllmReplica(spec, new SoloEngine({ detail: "tokens" }), { seed: 1, index: 0 }, calls);
    const recorder = new CommandRecorder();
    replica.handle(call(0), 0 as never, recorder);
    replica.handle({ kind: "call-aborted", call: 0 as never }, abortAt as never, recorder);
    replica.handle(call(1), abortAt as never, recorder);
    replica.handle({ kind: "fault-changed", fault: { ...healthy, down: true } }, (abortAt + 10) as never, recorder);
    replica.wake(50_000 as never, recorder);
    expect(recorder.commands.filter(({ command }) => command.kind === "cut-call").map(({ at, command }) => [at, command.call])).toEqual([
      [abortAt, 0],
      [abortAt + 10, 1],
    ]);
    expect(calls.underWay).toBe(0);
  }
});

test("a slowdown reaches the engine, an error rate its share of new calls", () => {
  const replica = new VllmReplica(spec, new SoloEngine({ detail: "first-token" }), { seed: 3, index: 0 });
  const recorder = new CommandRecorder();
  replica.handle({ kind: "fault-changed", fault: { ...healthy, errorRate: 0.5, slowdown: 4 } }, 0 as never, recorder);
  for (let id = 0; id < 400; id += 1) replica.handle(call(id, { output: 1 }), 0 as never, recorder);
  replica.wake(50_000 as never, recorder);
  const refused = recorder.commands.filter(({ command }) => command.kind === "refuse-call");
  expect(refused.length).toBeGreaterThan(150);
  expect(refused.length).toBeLessThan(250);
  expect(recorder.commands.find(({ command }) => command.kind === "emit-tokens")?.at).toBe(700 + 4_000 + 300);
});

const level = (us: number) => ({ x: [0, 1], y: [us, us] });
const upTo105: PiecewiseSpec = {
  kind: "piecewise",
  scale: 1,
  gemm: level(1000),
  decodeAttention: level(0),
  chunkAttention: level(0),
  head: level(0),
  perDecodeUs: 0,
  perPrefillPastUs: 0,
  perStepUs: 0,
  skew: 0,
  padding: 0,
  range: { decodeContext: [0, 105] },
  source: { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 },
};

test("steps are counted over crashes, those beyond the range of their step-time model too", () => {
  const engine = smallSpec({ stepTime: upTo105 });
  const replica = new VllmReplica({ ...spec, engine }, createEngine(engine, { detail: "tokens" }), { seed: 1, index: 0 });
  const recorder = new CommandRecorder();
  replica.handle(call(0, { output: 20 }), 0 as never, recorder);
  replica.wake(11_500 as never, recorder);
  const before = replica.observe(11_500 as never);
  // The prefill and the decodes at contexts 101 to 105 are inside.
  expect(before.steps).toBeGreaterThan(10);
  expect(before.stepsOutsideRange).toBe(before.steps - 6);
  replica.handle({ kind: "fault-changed", fault: { ...healthy, down: true } }, 11_500 as never, recorder);
  expect(replica.observe(11_500 as never)).toMatchObject({ steps: before.steps, stepsOutsideRange: before.stepsOutsideRange });
});

test("a long prompt takes longer on its way in, and a token on its way out beside many sequences; nobody overtakes", () => {
  const costs = { frontEndPerPromptTokenUs: 2, frontEndPerSequenceUs: 50 };
  const replica = new VllmReplica({ ...spec, ...costs }, new SoloEngine({ detail: "first-token" }), { seed: 1, index: 0 });
  const recorder = new CommandRecorder();
  replica.handle(call(0, { input: 400, output: 1 }), 0 as never, recorder);
  replica.handle(call(1, { input: 10, output: 1 }), 100 as never, recorder);
  replica.wake(20_000 as never, recorder);
  const firsts = recorder.commands.filter(({ command }) => command.kind === "emit-tokens").map(({ at, command }) => [command.call, at]);
  // In at 700 + 800 both, since the second waits behind the first; a step of 1,000; out after 300 + 2 x 50.
  expect(firsts).toEqual([
    [0, 2900],
    [1, 2900],
  ]);
});
