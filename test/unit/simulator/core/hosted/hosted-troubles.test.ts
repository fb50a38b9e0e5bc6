import { expect, test } from "vitest";
import type { HostedSpec } from "../../../../../simulator/core/hosted/hosted-spec.ts";
import { HostedProvider } from "../../../../../simulator/core/hosted/hosted-provider.ts";
import { factorAt } from "../../../../../simulator/core/hosted/time-of-day.ts";
import { CommandRecorder } from "../../../../support/endpoint-history.ts";
import { smallHosted } from "../../../../support/small-scenario.ts";

const hour = 3_600_000_000;

/** So many calls a second, each of 100 tokens in and 11 out. */
function play(spec: Partial<HostedSpec>, calls: number, perSecond = 10) {
  const provider = new HostedProvider({ ...smallHosted, ...spec }, { seed: 3, index: 0, detail: "first-token" });
  const recorder = new CommandRecorder();
  for (let serial = 0; serial < calls; serial += 1) {
    const call = { call: serial as never, serial, inputTokens: 100, blocks: null, outputTokens: 11, outputTokensMax: 11, priority: 0 };
    provider.handle({ kind: "call-received", ...call }, Math.floor((serial * 1_000_000) / perSecond) as never, recorder);
  }
  provider.wake(1e13 as never, recorder);
  const count = (test: (command: (typeof recorder.commands)[number]["command"]) => boolean): number =>
    recorder.commands.filter(({ command }) => test(command)).length;
  const refused = (failure: string): number => count((command) => command.kind === "refuse-call" && command.failure === failure);
  return { provider, recorder, count, refused };
}

test("steady shares: errors, overload, the content filter, broken answers; each call ends once", () => {
  const { count, refused } = play({ errorRate: 0.1, overloadRate: 0.05, filteredRate: 0.02, cutRate: 0.2 }, 5_000);
  const near = (value: number, share: number): void => {
    expect(value).toBeGreaterThan(5_000 * share * 0.8);
    expect(value).toBeLessThan(5_000 * share * 1.2);
  };
  near(refused("server-error"), 0.1);
  near(refused("overloaded"), 0.9 * 0.05);
  near(refused("content-filtered"), 0.9 * 0.95 * 0.02);
  near(
    count(({ kind }) => kind === "cut-call"),
    0.9 * 0.95 * 0.98 * 0.2,
  );
  expect(count(({ kind }) => kind !== "emit-tokens")).toBe(5_000);
});

test("an answer breaks off after a token drawn from all of them", () => {
  const { recorder } = play({ cutRate: 1 }, 2_000);
  const lengths = recorder.commands.flatMap(({ command }) => (command.kind === "cut-call" ? [command.usage.output] : []));
  expect(lengths).toHaveLength(2_000);
  expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([1, 11]);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  expect(Math.abs(mean - 6)).toBeLessThan(0.3);
});

test("calls in flight: the refusal names no Retry-After; what is left of the quota is told without being touched", () => {
  const { provider, recorder, refused } = play({ quota: { concurrency: 2, requestsPerMinute: 60, tokensPerMinute: 60_000 } }, 5, 1_000);
  expect(refused("rate-limited")).toBe(3);
  expect(recorder.commands.find(({ command }) => command.kind === "refuse-call")?.command).toMatchObject({ retryAfter: null });
  const early = provider.observe(20_000_000_000_000 as never).quota;
  expect(early?.requests).toEqual({ limit: 60, remaining: 60, reset: 0 });
  const fresh = new HostedProvider({ ...smallHosted, quota: { requestsPerMinute: 60 } }, { seed: 3, index: 0, detail: "first-token" });
  fresh.handle(
    { kind: "call-received", call: 0 as never, serial: 0, inputTokens: 1, blocks: null, outputTokens: 1, outputTokensMax: 1, priority: 0 },
    0 as never,
    recorder,
  );
  expect(fresh.observe(0 as never).quota).toEqual({ requests: { limit: 60, remaining: 59, reset: 1_000_000 }, tokens: null });
  expect(fresh.observe(400_000 as never).quota?.requests).toEqual({ limit: 60, remaining: 59, reset: 600_000 });
});

test("the time of day stretches everything, with even passages between full hours", () => {
  const timeOfDay = { factors: Array.from({ length: 24 }, (_, at) => (at === 9 ? 3 : 1)), startsAt: (8 * hour) as never };
  expect([0, hour / 2, hour, 1.25 * hour, 2 * hour, 25 * hour].map((at) => factorAt(timeOfDay, at as never))).toEqual([1, 2, 3, 2.5, 1, 3]);
  const { recorder } = play({ timeOfDay: { ...timeOfDay, startsAt: (9 * hour) as never } }, 1);
  expect(recorder.commands.map(({ at }) => at)).toEqual([90_000, 240_000]);
});

test("slow streams: their tokens crawl, their first ones do not; prompts beyond the context are refused", () => {
  const { recorder } = play({ slowStreams: { rate: 0.3, factor: 10 } }, 1_000, 1);
  const ends = recorder.commands.filter(({ command }) => command.kind === "end-call").map(({ at, command }) => at - command.call * 1_000_000);
  const slow = ends.filter((took) => took === 530_000).length;
  expect(slow + ends.filter((took) => took === 80_000).length).toBe(1_000);
  expect(Math.abs(slow - 300)).toBeLessThan(45);
  expect(play({ contextTokens: 100 }, 1).refused("context-exceeded")).toBe(1);
  expect(play({ contextTokens: 101 }, 1).refused("context-exceeded")).toBe(0);
});
