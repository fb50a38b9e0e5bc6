import { describe, expect, test } from "vitest";
import { askProbes, openProbeBook, returnProbes } from "../../../../../router/core/health/probe-lease.ts";
import type { EndpointId, RouterCommand } from "../../../../../router/core/messages.ts";
import { instantAt, seconds } from "../../../../../router/core/time.ts";
import { ProbeInvariant } from "../../../../../simulator/core/invariant/probe-invariant.ts";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

const open = seconds(60);
const at = (second: number) => instantAt(seconds(second));

/** Its only endpoint has failed at 0 s and half-opens at 60 s. */
function halfOpen(): { harness: RouterHarness; asked: { nonce: number } } {
  const harness = new RouterHarness({ breaker: { failures: 1, probes: 2, probesAtOnce: 2, shared: true }, retry: { attemptsMax: 1 } });
  harness.arrive(0);
  harness.fail(0);
  const [asked] = only(harness.at(60).wake(), "ask-probes");
  if (asked === undefined) throw new Error("no question");
  return { harness, asked };
}
const answer = (harness: RouterHarness, nonce: number, granted: boolean, until: number): RouterCommand[] =>
  harness.send({ kind: "probes-answered", endpoint: 0 as EndpointId, nonce, granted, until: at(until) });

describe("a half-open breaker whose probes are the fleet's", () => {
  test("lets nothing through before the store has answered, then as many as it has probes, and gives them back when it closes", () => {
    const { harness, asked } = halfOpen();
    expect(
      only(
        [0, 1, 2].flatMap((id) => harness.arrive(id)),
        "start-attempt",
      ),
    ).toEqual([]);
    expect(only(answer(harness, asked.nonce, true, 120), "start-attempt")).toHaveLength(2);
    harness.succeed(0);
    expect(only(harness.succeed(1), "return-probes")).toMatchObject([{ nonce: asked.nonce }]);
  });

  test("denied, it waits until the holder's time is over, and the next request asks again", () => {
    const { harness, asked } = halfOpen();
    answer(harness, asked.nonce, false, 90);
    expect(only(harness.arrive(0), "ask-probes")).toEqual([]);
    harness.at(91).wake();
    const again = harness.arrive(1);
    expect([only(again, "start-attempt").length, only(again, "ask-probes").length]).toEqual([0, 1]);
  });

  test("without an answer for a second it probes on its own, one at a time", () => {
    const { harness } = halfOpen();
    harness.arrive(0);
    harness.arrive(1);
    expect(only(harness.at(61).wake(), "start-attempt")).toHaveLength(1);
    expect(only(harness.succeed(0), "start-attempt")).toHaveLength(1);
  });

  test("where the store is known to be lost it does so at once", () => {
    const harness = new RouterHarness({ breaker: { failures: 1, probes: 2, probesAtOnce: 2, shared: true }, retry: { attemptsMax: 1 } });
    harness.arrive(0);
    harness.send({ kind: "store-lost" });
    harness.fail(0);
    harness.at(60).wake();
    expect([0, 1].flatMap((id) => only(harness.arrive(id), "start-attempt"))).toHaveLength(1);
  });

  test("a grant that comes too late goes back", () => {
    const { harness, asked } = halfOpen();
    harness.send({ kind: "peer-reported", endpoint: 0 as EndpointId, breaker: "closed", why: "probes-succeeded", since: at(60) });
    expect(only(answer(harness, asked.nonce, true, 120), "return-probes")).toHaveLength(1);
  });
});

test("the store gives them to one at a time, for the open time, and again when they come back", () => {
  const book = openProbeBook();
  expect(askProbes(book, 0, 1, open, at(0))).toEqual({ granted: true, until: at(60) });
  expect(askProbes(book, 0, 1, open, at(5))).toEqual({ granted: true, until: at(60) });
  expect(askProbes(book, 1, 1, open, at(10))).toEqual({ granted: false, until: at(60) });
  expect(askProbes(book, 1, 2, open, at(60)).granted).toBe(true);
  returnProbes(book, 0, 1, at(61));
  expect(askProbes(book, 2, 1, open, at(62)).granted).toBe(false);
  returnProbes(book, 1, 2, at(63));
  expect(askProbes(book, 2, 2, open, at(64)).granted).toBe(true);
});

test("I7 over the fleet catches a store that gives them twice, and a replica that does not wait", () => {
  const invariant = new ProbeInvariant(2);
  const endpoint = 0 as EndpointId;
  for (const replica of [0, 1]) {
    invariant.command({ kind: "breaker-changed", endpoint, from: "open", to: "half-open", why: "open-time-passed" }, at(60), replica);
    invariant.command({ kind: "ask-probes", endpoint, nonce: 1, open }, at(60), replica);
  }
  const start = { kind: "start-attempt", attempt: 0, request: 0, endpoint, version: 1, reservedTokens: 0, reservedNano: 0 } as unknown as RouterCommand;
  invariant.command(start, at(60), 1);
  expect(invariant.violations.map(({ what }) => what)).toEqual(["replica 1 probes endpoint 0 without having been answered"]);
  for (const replica of [0, 1]) invariant.event({ kind: "probes-answered", endpoint, nonce: 1, granted: true, until: at(120) }, at(60), replica);
  expect(invariant.violations.at(-1)?.what).toBe("replicas 1 and 0 both hold the probes of endpoint 0");
});
