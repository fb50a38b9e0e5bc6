/** What users of other routers complain about, as tests: cooldowns and breakers. The names are the threads' in github.com/BerriAI/litellm unless another repository is named. */
import { afterEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../../../../router/config/load-config.ts";
import type { FailureKind, RouterCommand } from "../../../../../router/core/messages.ts";
import { seconds } from "../../../../../router/core/time.ts";
import { type FixtureOptions, only, RouterHarness } from "../../../../support/router-fixture.ts";
import { temporaryFolder } from "../../../../support/temporary-folder.ts";

let harness: RouterHarness | null = null;
const make = (options: FixtureOptions = {}): RouterHarness => (harness = new RouterHarness({ retry: { attemptsMax: 1 }, ...options }));
const opened = (commands: readonly RouterCommand[]): string[] => only(commands, "breaker-changed").map(({ to, why }) => `${to}: ${why}`);
const failTimes = (router: RouterHarness, times: number, failure: FailureKind = "server-error"): string[] => {
  const changes: string[] = [];
  for (let request = 0; request < times; request += 1) if (only(router.arrive(0), "start-attempt").length > 0) changes.push(...opened(router.fail(0, failure)));
  return changes;
};
afterEach(() => {
  expect(harness?.invariants.violations ?? []).toEqual([]);
  harness = null;
});

describe("10: a single deployment never cools (#40405: 33 attempts for 11 requests)", () => {
  test("the breaker of a group of one opens, and 11 requests make 5 attempts at most beside its retries' share", () => {
    const router = make({ retry: { attemptsMax: 3 } });
    let attempts = 0;
    for (let request = 0; request < 11; request += 1) {
      for (let commands = router.at(request).arrive(0); only(commands, "start-attempt").length > 0;) {
        attempts += 1;
        commands = router.fail(0);
        if (only(commands, "finish-request").length > 0) break;
        commands = router.at(request + 0.999).wake();
      }
    }
    expect(attempts).toBe(5);
  });
});

describe("11: deadlines that are not monotone (#40130, PR #34416, #35104)", () => {
  test("a second, shorter Retry-After does not shorten a cooling that is under way; a longer one prolongs it", () => {
    const router = make();
    router.arrive(0);
    router.arrive(1);
    router.arrive(2);
    router.fail(0, "rate-limited", { retryAfter: seconds(20) });
    router.at(1).fail(1, "rate-limited", { retryAfter: seconds(2) });
    expect(router.router.snapshot().endpoints[0]?.coolUntil).toBe(seconds(20));
    router.at(2).fail(2, "rate-limited", { retryAfter: seconds(30) });
    expect(router.router.snapshot().endpoints[0]?.coolUntil).toBe(seconds(32));
  });

  test("an opening that follows another counts its whole time from its own instant, and is over then", () => {
    const router = make();
    failTimes(router, 5);
    router.at(60).wake();
    router.arrive(0);
    expect(opened(router.at(61).fail(0))).toEqual(["open: probe-failed"]);
    expect(opened(router.at(120.999).wake())).toEqual([]);
    expect(opened(router.at(121).wake())).toEqual(["half-open: open-time-passed"]);
  });
});

describe("12: cooldowns cannot be seen (#25504, #3646)", () => {
  test("every change of a breaker is told, with its reason, and a rejected caller hears when it may come back", () => {
    const router = make();
    expect(failTimes(router, 5)).toEqual(["open: failures-in-a-row"]);
    const [finish] = only(router.at(40).arrive(1), "finish-request");
    expect(finish?.result).toEqual({ kind: "rejected", why: "no-candidate", retryAfter: seconds(20) });
  });

  test("a request may wait for the cooldown's end instead of being rejected", () => {
    const router = make();
    failTimes(router, 5);
    expect(router.at(57).arrive(1)).toEqual([]);
    expect(only(router.at(60).wake(), "start-attempt")).toHaveLength(1);
  });
});

describe("13: client errors open the breaker, and all workers are gone (sgl-project/sglang #25811, #14532)", () => {
  test("no kind of client's fault, however often", () => {
    const router = make({ breaker: { failures: 1 } });
    for (const failure of ["bad-request", "context-exceeded", "content-filtered"] as const) expect(failTimes(router, 100, failure)).toEqual([]);
  });

  test("a floor keeps part of the pool in use while everything fails", () => {
    const router = make({ deployments: [{ endpoints: 10 }], route: { floorPercent: 50 } });
    failTimes(router, 200);
    const closed = router.router.snapshot().endpoints.filter(({ breaker }) => breaker.phase === "closed").length;
    expect(closed).toBe(0);
    for (let request = 0; request < 50; request += 1) expect(only(router.arrive(request), "start-attempt")).toHaveLength(1);
  });
});

describe("14: a breaker that is documented and not there (Portkey-AI/gateway #1289)", () => {
  test("it is in the open core, on by default: five failures, a minute, three probes", () => {
    const yaml = `
deployments:
  a: { provider: vllm, model: m, endpoints: [http://127.0.0.1:1] }
routes:
  chat: { deployments: [a] }
`;
    const { compiled } = loadConfig(`${temporaryFolder({ "headgate.yaml": yaml })}/headgate.yaml`, null);
    expect(compiled.deployments[0]?.breaker).toMatchObject({ enabled: true, failures: 5, open: seconds(60), probes: 3 });
    expect(failTimes(make(), 5)).toEqual(["open: failures-in-a-row"]);
  });
});
