/**
 * A retry storm cannot happen: simulated fleets with every endpoint failing, and with one of two failing, over seeds and traffic from one request in twenty seconds to a thousand a second.
 * The configuration is the file's default, as serve runs it.
 */
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

function play(endpoints: number, faults: readonly FaultSpec[], perSecond: number, seed: number, top = ""): Storm {
  const arrivals = poissonArrivals(perSecond, seed);
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

interface Worst {
  /** Most calls per request of any window that has at least `requestsMin` requests. */
  readonly ratio: number;
  /** Most calls beyond the first of their requests in any window. */
  readonly retries: number;
}

/** Over all windows of ten seconds that end with a call. A window's requests are those that arrive in it and those that call in it (they may have waited). */
function worstWindow({ arrivals, calls }: Storm, requestsMin: number): Worst {
  let ratio = 0;
  let retries = 0;
  let first = 0;
  let firstArrival = 0;
  let lastArrival = 0;
  const callsOf = new Map<number, number>();
  for (let last = 0; last < calls.length; last += 1) {
    const call = calls[last];
    if (call === undefined) break;
    callsOf.set(call.serial, (callsOf.get(call.serial) ?? 0) + 1);
    const from = call.at - windowMicros;
    for (let gone = calls[first]; gone !== undefined && gone.at <= from; gone = calls[(first += 1)]) {
      const left = (callsOf.get(gone.serial) ?? 0) - 1;
      if (left === 0) callsOf.delete(gone.serial);
      else callsOf.set(gone.serial, left);
    }
    while ((arrivals[firstArrival] ?? Infinity) <= from) firstArrival += 1;
    while ((arrivals[lastArrival] ?? Infinity) <= call.at) lastArrival += 1;
    // Serials count arrivals: those of the window are firstArrival to lastArrival.
    const windowCalls = last - first + 1;
    const arrived = lastArrival - firstArrival;
    const waited = windowCalls < 1.1 * arrived ? 0 : [...callsOf.keys()].filter((serial) => serial < firstArrival).length;
    const requests = arrived + waited;
    retries = Math.max(retries, windowCalls - callsOf.size);
    if (requests >= requestsMin) ratio = Math.max(ratio, windowCalls / requests);
  }
  return { ratio, retries };
}

/** After a time in which all went well and the budgets have filled. */
const after = instantAt(12_000_000);
const faults: Readonly<Record<string, (endpoint: number) => FaultSpec>> = {
  down: (endpoint) => ({ endpoint: endpoint as EndpointId, at: after, until: never, fault: { kind: "down" } }),
  erring: (endpoint) => ({ endpoint: endpoint as EndpointId, at: after, until: never, fault: { kind: "error", rate: 1 } }),
  hanging: (endpoint) => ({ endpoint: endpoint as EndpointId, at: after, until: never, fault: { kind: "slow", factor: 100_000 } }),
};
const traffic = [0.05, 0.5, 2, 10, 100, 1000];

/** In a window of so few requests one retry each is more than 15 %: there the number of retries itself is bounded. */
const fewRequests = 50;

describe.each(Object.entries(faults))("every endpoint %s", (_name, fault) => {
  test.each(traffic)("at %d requests/s upstream calls stay below 1.15 per request in any ten seconds", (perSecond) => {
    for (const endpoints of [1, 2, 5]) {
      for (const seed of seeds) {
        const storm = play(
          endpoints,
          Array.from({ length: endpoints }, (_, id) => fault(id)),
          perSecond,
          seed,
        );
        const { ratio, retries } = worstWindow(storm, fewRequests);
        const overall = storm.calls.length / storm.arrivals.length;
        expect({ endpoints, seed, ratio: ratio < 1.15, overall: overall < 1.15 }).toEqual({ endpoints, seed, ratio: true, overall: true });
        // An endpoint is worth a retry until it has failed one, and again when its breaker lets probes through.
        if (perSecond < 10) expect({ endpoints, seed, few: retries <= 2 * endpoints }).toEqual({ endpoints, seed, few: true });
      }
    }
  });
});

describe.each(Object.entries(faults))("one of two %s", (_name, fault) => {
  test.each(traffic)("at %d requests/s more than 99.5 % are served, with less than 1.2 calls per request", (perSecond) => {
    for (const seed of seeds) {
      const { arrivals, calls, served } = play(2, [fault(0)], perSecond, seed);
      expect({ seed, served: served / arrivals.length > 0.995, calls: calls.length / arrivals.length < 1.2 }).toEqual({ seed, served: true, calls: true });
    }
  });
});

test.each([10, 100])("the budgets alone hold it at %d requests/s, with every breaker off", (perSecond) => {
  for (const fault of Object.values(faults)) {
    for (const seed of seeds) {
      const storm = play(3, [0, 1, 2].map(fault), perSecond, seed, "breaker: { enabled: false }");
      const { ratio } = worstWindow(storm, fewRequests);
      expect({ seed, retried: storm.calls.length > storm.arrivals.length, ratio: ratio < 1.15 }).toEqual({ seed, retried: true, ratio: true });
    }
  }
});
