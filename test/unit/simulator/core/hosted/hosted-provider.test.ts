import { expect, test } from "vitest";
import { healthy } from "../../../../../simulator/core/endpoint.ts";
import type { HostedSpec } from "../../../../../simulator/core/hosted/hosted-spec.ts";
import { HostedProvider } from "../../../../../simulator/core/hosted/hosted-provider.ts";
import { CommandRecorder } from "../../../../support/endpoint-history.ts";

const ms = 1_000;
const second = 1_000_000;
const spec: HostedSpec = {
  kind: "hosted",
  firstToken: { p50: (400 * ms) as never, p95: (1_500 * ms) as never },
  perToken: { p50: (20 * ms) as never, p95: (60 * ms) as never },
  quota: null,
};
/** p50 = p95: no spread, so that instants are known. */
const exact: HostedSpec = {
  ...spec,
  firstToken: { p50: (100 * ms) as never, p95: (100 * ms) as never },
  perToken: { p50: (10 * ms) as never, p95: (10 * ms) as never },
};

const call = (id: number, serial: number, tokens: Partial<{ input: number; output: number; max: number }> = {}) =>
  ({
    kind: "call-received",
    call: id,
    serial,
    inputTokens: tokens.input ?? 100,
    blocks: null,
    outputTokens: tokens.output ?? 5,
    outputTokensMax: tokens.max ?? 50,
    priority: 0,
  }) as never;

const usage = (input: number, output: number) => ({ input, cachedRead: 0, cacheWrite: 0, output, reasoning: 0 });

test("first token and end at known instants; the cap on output ends with length", () => {
  const provider = new HostedProvider(exact, { seed: 1, index: 0, detail: "first-token" });
  const recorder = new CommandRecorder();
  provider.handle(call(0, 1), 0 as never, recorder);
  provider.handle(call(1, 2, { output: 80, max: 3 }), (1 * ms) as never, recorder);
  provider.wake(second as never, recorder);
  expect(recorder.commands).toEqual([
    { at: 100 * ms, command: { kind: "emit-tokens", call: 0, from: 0, count: 1 } },
    { at: 101 * ms, command: { kind: "emit-tokens", call: 1, from: 0, count: 1 } },
    { at: 121 * ms, command: { kind: "end-call", call: 1, reason: "length", usage: usage(100, 3) } },
    { at: 140 * ms, command: { kind: "end-call", call: 0, reason: "stop", usage: usage(100, 5) } },
  ]);
});

test("latencies follow their quantiles and belong to the request, whatever the order of calls", () => {
  const provider = new HostedProvider({ ...spec }, { seed: 9, index: 3, detail: "first-token" });
  const first: number[] = [];
  for (let serial = 0; serial < 20_000; serial += 1) {
    const recorder = new CommandRecorder();
    const start = serial * 100 * second;
    provider.handle(call(0, serial, { output: 1 }), start as never, recorder);
    provider.wake((start + 99 * second) as never, recorder);
    first.push((recorder.commands[0]?.at ?? 0) - start);
  }
  const sorted = first.toSorted((one, other) => one - other);
  expect((sorted[10_000] ?? 0) / (400 * ms)).toBeCloseTo(1, 1);
  expect((sorted[19_000] ?? 0) / (1_500 * ms)).toBeCloseTo(1, 1);

  const again = new HostedProvider(spec, { seed: 9, index: 3, detail: "tokens" });
  const recorder = new CommandRecorder();
  again.handle(call(4, 17, { output: 1 }), 0 as never, recorder);
  again.wake((100 * second) as never, recorder);
  expect(recorder.commands[0]?.at).toBe(first[17]);
});

test("the quota refuses with a Retry-After that is true, in whole seconds", () => {
  const quota = { requestsPerMinute: 2, tokensPerMinute: 10_000 };
  const provider = new HostedProvider({ ...exact, quota }, { seed: 1, index: 0, detail: "first-token" });
  const recorder = new CommandRecorder();
  provider.handle(call(0, 1), 0 as never, recorder);
  provider.handle(call(1, 2), 0 as never, recorder);
  provider.handle(call(2, 3), (500 * ms) as never, recorder);
  expect(recorder.commands.at(-1)).toEqual({ at: 500 * ms, command: { kind: "refuse-call", call: 2, failure: "rate-limited", retryAfter: 30 * second } });
  provider.handle(call(2, 3), (30_500 * ms) as never, recorder);
  expect(recorder.commands.filter(({ command }) => command.kind === "refuse-call")).toHaveLength(1);
});

test("tokens count by prompt and cap; a call larger than a minute's quota gets no Retry-After", () => {
  const quota = { requestsPerMinute: 100, tokensPerMinute: 6_000 };
  const provider = new HostedProvider({ ...exact, quota }, { seed: 1, index: 0, detail: "first-token" });
  const recorder = new CommandRecorder();
  provider.handle(call(0, 1, { input: 5_000, max: 900 }), 0 as never, recorder);
  provider.handle(call(1, 2, { input: 100, max: 101 }), 0 as never, recorder);
  provider.handle(call(2, 3, { input: 6_000, max: 1 }), 0 as never, recorder);
  expect(recorder.commands.map(({ command }) => (command.kind === "refuse-call" ? [command.call, command.retryAfter] : null))).toEqual([
    [1, 2 * second],
    [2, null],
  ]);
});

test("each answer that a call asks for counts with its cap", () => {
  const quota = { requestsPerMinute: 100, tokensPerMinute: 6_000 };
  const provider = new HostedProvider({ ...exact, quota }, { seed: 1, index: 0, detail: "first-token" });
  const recorder = new CommandRecorder();
  const five = { ...(call(0, 1, { input: 1_000, max: 900 }) as object), answers: 5 } as never;
  provider.handle(five, 0 as never, recorder);
  expect(provider.observe(0 as never).quota).toMatchObject({ requests: { remaining: 99 }, tokens: { remaining: 500 } });
  provider.handle(call(1, 2, { input: 100, max: 401 }), 0 as never, recorder);
  expect(recorder.commands.map(({ command }) => command.kind)).toEqual(["refuse-call"]);
});

test("a slowdown stretches what is left of a running call; down cuts it with what had left, and refuses new calls", () => {
  const provider = new HostedProvider(exact, { seed: 1, index: 0, detail: "tokens" });
  const recorder = new CommandRecorder();
  provider.handle(call(0, 1), 0 as never, recorder);
  provider.handle({ kind: "fault-changed", fault: { ...healthy, slowdown: 3 } }, (50 * ms) as never, recorder);
  provider.handle({ kind: "fault-changed", fault: { ...healthy, down: true } }, (245 * ms) as never, recorder);
  provider.handle(call(1, 2), (246 * ms) as never, recorder);
  expect(recorder.commands).toEqual([
    { at: 200 * ms, command: { kind: "emit-tokens", call: 0, from: 0, count: 1 } },
    { at: 230 * ms, command: { kind: "emit-tokens", call: 0, from: 1, count: 1 } },
    { at: 245 * ms, command: { kind: "cut-call", call: 0, usage: usage(100, 2) } },
    { at: 246 * ms, command: { kind: "refuse-call", call: 1, failure: "connect-failed", retryAfter: null } },
  ]);
});

test("an error rate strikes its share of the requests", () => {
  const provider = new HostedProvider(exact, { seed: 5, index: 1, detail: "first-token" });
  const recorder = new CommandRecorder();
  provider.handle({ kind: "fault-changed", fault: { ...healthy, errorRate: 0.3 } }, 0 as never, recorder);
  for (let serial = 0; serial < 10_000; serial += 1) provider.handle(call(serial, serial), 1 as never, recorder);
  const refused = recorder.commands.filter(({ command }) => command.kind === "refuse-call" && command.failure === "server-error");
  expect(refused.length).toBeGreaterThan(2_800);
  expect(refused.length).toBeLessThan(3_200);
});

test("what may be delayed is served slower, with the same draws; where there is no such tier it is served as any other", () => {
  const played = (model: HostedSpec, batch: boolean) => {
    const provider = new HostedProvider(model, { seed: 1, index: 0, detail: "first-token" });
    const recorder = new CommandRecorder();
    provider.handle({ ...(call(0, 1) as object), batch } as never, 0 as never, recorder);
    provider.wake((100 * second) as never, recorder);
    return recorder.commands.map(({ at }) => at);
  };
  const batch = { firstTokenFactor: 4, perTokenFactor: 2, refusedRate: 0 };
  expect(played({ ...exact, batch }, true)).toEqual([400 * ms, 480 * ms]);
  expect(played({ ...exact, batch }, false)).toEqual([100 * ms, 140 * ms]);
  expect(played(exact, true)).toEqual([100 * ms, 140 * ms]);
  const [first = 0] = played(spec, false);
  expect(Math.abs((played({ ...spec, batch }, true)[0] ?? 0) - 4 * first)).toBeLessThanOrEqual(4);
});

test("a tier short of resources refuses its share of the batches with 429, and of nothing else", () => {
  const provider = new HostedProvider(
    { ...exact, batch: { firstTokenFactor: 1, perTokenFactor: 1, refusedRate: 0.2 } },
    { seed: 5, index: 1, detail: "first-token" },
  );
  const recorder = new CommandRecorder();
  for (let serial = 0; serial < 10_000; serial += 1) {
    provider.handle({ ...(call(serial, serial) as object), batch: serial % 2 === 0 } as never, 1 as never, recorder);
  }
  const refused = recorder.commands.flatMap(({ command }) => (command.kind === "refuse-call" ? [command] : []));
  expect(refused.length).toBeGreaterThan(900);
  expect(refused.length).toBeLessThan(1_100);
  expect(refused.every(({ call: id, failure, retryAfter }) => id % 2 === 0 && failure === "rate-limited" && retryAfter === null)).toBe(true);
});
