/**
 * A retry storm cannot happen: simulated fleets with every endpoint failing, and with one of two failing, over seeds and traffic from one request in twenty seconds to a thousand a second,
 * and traffic in bursts. The configuration is the file's default, as serve runs it.
 *
 * The law, with every endpoint failing: in any time, retries <= 10 % of the requests that arrived in it and in the two seconds before, + 1. From it follows, wherever the requests
 * of the two seconds before are no more than half of those in ten seconds: less than 1.15 calls per request, + 1.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forkRandom, nextUnit } from "../../router/core/random.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import { instantAt, never } from "../../router/core/time.ts";
import type { FaultSpec } from "../../simulator/core/compiled-scenario.ts";
import { createWorld } from "../../simulator/core/world.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { defaultScenario } from "../support/default-scenario.ts";

const windowMicros = 10_000_000;
const seeds = [1, 2, 3];

/** Ten minutes at a thousand requests at least, 25 s of the quickest. */
function poissonArrivals(perSecond: number, seed: number): Arrival[] {
  const random = forkRandom(seed, "storm-arrivals");
  let at = 0;
  return Array.from({ length: Math.min(Math.max(600 * perSecond, 1000), perSecond * 20 + 5000) }, () => {
    at += Math.floor((-Math.log(1 - nextUnit(random)) / perSecond) * 1_000_000);
    return { at: instantAt(at), inputTokens: 50, outputTokens: 5, blocks: null, route: null };
  });
}

interface Storm {
  /** By serial. */
  readonly arrivals: readonly number[];
  readonly calls: readonly { readonly at: number; readonly serial: number }[];
  readonly served: number;
}

function play(endpoints: number, faults: readonly FaultSpec[], arrivals: readonly Arrival[], seed: number, top = ""): Storm {
  const calls: { at: number; serial: number }[] = [];
  const serialOf: number[] = [];
  let served = 0;
  createWorld(defaultScenario({ endpoints, faults, top }), {
    seed,
    arrivals: arrivals[Symbol.iterator](),
    observer: {
      requestEnded: ({ result }) => {
        if (result === "served") served += 1;
      },
      breakerChanged: () => undefined,
    },
    watch: {
      event: (event) => {
        if (event.kind === "request-arrived") serialOf[event.request.id] = event.request.serial;
      },
      command: (command, at) => {
        if (command.kind === "start-attempt") calls.push({ at, serial: serialOf[command.request] ?? -1 });
      },
    },
  }).run();
  return { arrivals: arrivals.map(({ at }) => at), calls, served };
}

/** How far the worst of all windows of ten seconds that end with a call is from the bounds; at most 0 where they hold. */
interface Excess {
  /** Calls beyond 1.15 per request and one. A window's requests are those that arrive in it and those that call in it (they may have waited). */
  readonly calls: number;
  /** Retries beyond 10 % of the requests of the window and of the two seconds before, and one. */
  readonly retries: number;
}

/** A retry is paid for when it is granted, and called after its backoff at the latest. */
const earnedFor = 2_000_000;
const backoffMost = 300_000;

function worstWindow({ arrivals, calls }: Storm): Excess {
  const worst = { calls: -Infinity, retries: -Infinity };
  const callsOf = new Map<number, number>();
  const seen = new Set<number>();
  const isRetry = calls.map(({ serial }) => seen.size === seen.add(serial).size);
  const arrivedBy = (at: number): number => countUpTo(arrivals, at);
  let first = 0;
  let retries = 0;
  calls.forEach((call, last) => {
    callsOf.set(call.serial, (callsOf.get(call.serial) ?? 0) + 1);
    retries += isRetry[last] === true ? 1 : 0;
    const from = call.at - windowMicros;
    for (let gone = calls[first]; gone !== undefined && gone.at <= from; gone = calls[(first += 1)]) {
      const left = (callsOf.get(gone.serial) ?? 0) - 1;
      if (left === 0) callsOf.delete(gone.serial);
      else callsOf.set(gone.serial, left);
      retries -= isRetry[first] === true ? 1 : 0;
    }
    const arrived = arrivedBy(call.at);
    worst.retries = Math.max(worst.retries, retries - 1 - 0.1 * (arrived - arrivedBy(from - earnedFor - backoffMost)));
    const windowCalls = last - first + 1;
    const since = arrivedBy(from);
    // Serials count arrivals: those of the window are `since` to `arrived`.
    const waited = windowCalls < 1.1 * (arrived - since) ? 0 : [...callsOf.keys()].filter((serial) => serial < since).length;
    worst.calls = Math.max(worst.calls, windowCalls - 1 - 1.15 * (arrived - since + waited));
  });
  return worst;
}

/** How many of the ascending instants are at most `at`. */
function countUpTo(instants: readonly number[], at: number): number {
  let low = 0;
  let high = instants.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((instants[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** After a time in which all went well and the budgets have filled. */
const after = instantAt(12_000_000);
const faults: Readonly<Record<string, (endpoint: number) => FaultSpec>> = {
  down: (endpoint) => ({ endpoint: endpoint as EndpointId, at: after, until: never, fault: { kind: "down" } }),
  erring: (endpoint) => ({ endpoint: endpoint as EndpointId, at: after, until: never, fault: { kind: "error", rate: 1 } }),
  hanging: (endpoint) => ({ endpoint: endpoint as EndpointId, at: after, until: never, fault: { kind: "slow", factor: 100_000 } }),
};
const traffic = [0.05, 0.5, 2, 10, 100, 1000];

describe.each(Object.entries(faults))("every endpoint %s", (_name, fault) => {
  test.each(traffic)("at %d requests/s upstream calls stay below 1.15 per request, and one, in any ten seconds", (perSecond) => {
    for (const endpoints of [1, 2, 5]) {
      for (const seed of seeds) {
        const storm = play(
          endpoints,
          Array.from({ length: endpoints }, (_, id) => fault(id)),
          poissonArrivals(perSecond, seed),
          seed,
        );
        const { calls, retries } = worstWindow(storm);
        const overall = storm.calls.length / storm.arrivals.length;
        expect({ endpoints, seed, calls: calls <= 0, retries: retries <= 0, overall: overall < 1.15 }).toEqual({
          endpoints,
          seed,
          calls: true,
          retries: true,
          overall: true,
        });
      }
    }
  });
});

/** Requests that come in bursts, with any time between them. */
const anyBursts = fc.array(
  fc.record({
    pause: fc.oneof(fc.nat(300_000), fc.nat(20_000_000)),
    requests: fc.oneof(fc.constant(1), fc.nat(40)),
    gap: fc.oneof(fc.constant(0), fc.nat(50_000)),
  }),
  { minLength: 1, maxLength: 30 },
);

test("with every endpoint failing from the start, retries are at most 10 % of the requests and one, in any ten seconds of any traffic", () => {
  let retried = 0;
  fc.assert(
    fc.property(anyBursts, fc.constantFrom(...Object.values(faults)), fc.integer({ min: 1, max: 6 }), fc.boolean(), (bursts, fault, endpoints, breaker) => {
      let at = 0;
      const arrivals = bursts.flatMap(({ pause, requests, gap }) => {
        at += pause;
        return Array.from({ length: requests }, (): Arrival => ({ at: instantAt((at += gap)), inputTokens: 50, outputTokens: 5, blocks: null, route: null }));
      });
      const fromStart = Array.from({ length: endpoints }, (_, id) => ({ ...fault(id), at: instantAt(0) }));
      const storm = play(endpoints, fromStart, arrivals, 1, breaker ? "" : "breaker: { enabled: false }");
      expect(worstWindow(storm).retries).toBeLessThanOrEqual(0);
      retried += storm.calls.length > storm.arrivals.length ? 1 : 0;
    }),
    { numRuns: 150 },
  );
  expect(retried).toBeGreaterThan(10);
});

describe.each(Object.entries(faults))("one of two %s", (_name, fault) => {
  test.each(traffic)("at %d requests/s more than 99.5 % are served, with less than 1.2 calls per request", (perSecond) => {
    for (const seed of seeds) {
      const { arrivals, calls, served } = play(2, [fault(0)], poissonArrivals(perSecond, seed), seed);
      expect({ seed, served: served / arrivals.length > 0.995, calls: calls.length / arrivals.length < 1.2 }).toEqual({ seed, served: true, calls: true });
    }
  });
});

test.each([10, 100])("the budgets alone hold it at %d requests/s, with every breaker off", (perSecond) => {
  for (const fault of Object.values(faults)) {
    for (const seed of seeds) {
      const storm = play(3, [0, 1, 2].map(fault), poissonArrivals(perSecond, seed), seed, "breaker: { enabled: false }");
      expect({ seed, retried: storm.calls.length > storm.arrivals.length, calls: worstWindow(storm).calls <= 0 }).toEqual({ seed, retried: true, calls: true });
    }
  }
});
