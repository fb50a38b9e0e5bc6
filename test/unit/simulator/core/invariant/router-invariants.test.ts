import { beforeAll, describe, expect, test } from "vitest";
import type { CompiledConfig, HedgeSpec } from "../../../../../router/core/compiled-config.ts";
import type { Instant } from "../../../../../router/core/machine.ts";
import type { EndpointId, RouterCommand, RouterEvent } from "../../../../../router/core/messages.ts";
import { createWorld } from "../../../../../simulator/core/world.ts";
import { RouterInvariants } from "../../../../../simulator/core/invariant/router-invariants.ts";
import type { InvariantId } from "../../../../../simulator/core/invariant/violation.ts";
import { randomScenario } from "../../../../support/random-world.ts";

type Line = { readonly at: Instant } & ({ readonly event: RouterEvent } | { readonly command: RouterCommand });

let config: CompiledConfig;
let lines: Line[];

/** A run with everything in it: breakers that open, retries, a bounded queue. */
beforeAll(() => {
  for (let seed = 1; ; seed += 1) {
    const { scenario, arrivals } = randomScenario(seed);
    if (scenario.replicas.count > 1) continue;
    if (!scenario.config.deployments.some(({ breaker, concurrencyMax }) => breaker.enabled && concurrencyMax < Infinity)) continue;
    lines = [];
    config = scenario.config;
    createWorld(scenario, {
      seed,
      arrivals: arrivals[Symbol.iterator](),
      observer: { requestEnded: () => undefined, breakerChanged: () => undefined },
      watch: { event: (event, at) => void lines.push({ event, at }), command: (command, at) => void lines.push({ command, at }) },
    }).run();
    const kinds = new Set(lines.map((line) => ("command" in line ? line.command.kind : line.event.kind)));
    const recovered = lines.some((line) => "command" in line && line.command.kind === "breaker-changed" && line.command.to === "closed");
    if (recovered && kinds.has("abort-attempt")) return;
  }
});

const check = (played: readonly Line[], under = config): Set<InvariantId> => {
  const invariants = new RouterInvariants(under);
  for (const line of played) {
    if ("event" in line) invariants.event(line.event, line.at);
    else invariants.command(line.command, line.at);
  }
  return new Set(invariants.finished().map(({ invariant }) => invariant));
};

const isCommand = (line: Line | undefined, kind: RouterCommand["kind"]): boolean => line !== undefined && "command" in line && line.command.kind === kind;
const isEvent = (line: Line | undefined, kind: RouterEvent["kind"]): boolean => line !== undefined && "event" in line && line.event.kind === kind;
const without = (place: number): Line[] => lines.filter((_, other) => other !== place);
const middle = (matches: (line: Line) => boolean): number => {
  const places = lines.flatMap((line, place) => (matches(line) ? [place] : []));
  return places[Math.floor(places.length / 2)] ?? -1;
};

test("a sound run violates nothing", () => {
  expect(check(lines)).toEqual(new Set());
});

describe("a planted bug is caught", () => {
  test("I1: a request that never ends", () => {
    expect(check(without(middle((line) => isCommand(line, "finish-request"))))).toContain("I1");
  });

  test("I1: a request that ends twice", () => {
    const place = middle((line) => isCommand(line, "finish-request"));
    const doubled = lines.flatMap((line, other) => (other === place ? [line, line] : [line]));
    expect(check(doubled)).toContain("I1");
  });

  test("I2: a request that ends before its attempt", () => {
    const place = middle((line) => "command" in line && line.command.kind === "finish-request" && line.command.result.kind === "served");
    const early = lines.map((line, other): Line => (other === place ? { ...line, at: 0 as Instant } : line));
    expect(check(early)).toContain("I2");
  });

  test("I3: a clock that goes back", () => {
    const place = middle((line) => isEvent(line, "attempt-ended"));
    const back = lines.map((line, other): Line => (other === place ? { ...line, at: 0 as Instant } : line));
    expect(check(back)).toContain("I3");
  });

  test("I5: more attempts at an endpoint than it has places", () => {
    const tight = { ...config, deployments: config.deployments.map((deployment) => ({ ...deployment, concurrencyMax: 0 })) };
    expect(check(lines, tight)).toContain("I5");
  });

  test("I5: a limit beyond the deployment's concurrency", () => {
    const line: Line = { at: 0 as Instant, command: { kind: "limit-changed", deployment: 0 as never, limit: 1e9 } };
    const capped = { ...config, deployments: config.deployments.map((deployment) => ({ ...deployment, concurrencyMax: 8 })) };
    expect(check([line], capped)).toContain("I5");
  });

  test("I5: more waiting requests than the queue holds", () => {
    const arrivals = lines.filter((line) => isEvent(line, "request-arrived")).slice(0, 40);
    const piled = arrivals.map((line, id): Line => {
      if (!("event" in line) || line.event.kind !== "request-arrived") throw new Error("not an arrival");
      return { at: line.at, event: { kind: "request-arrived", request: { ...line.event.request, id: id as never } } };
    });
    expect(check(piled)).toContain("I5");
  });

  test("I7: an attempt while the breaker is open", () => {
    // The breaker's opening is moved to the beginning: what follows at that endpoint is forbidden then.
    const place = middle((line) => isCommand(line, "breaker-changed"));
    const opening = lines[place];
    if (opening === undefined || !("command" in opening) || opening.command.kind !== "breaker-changed") throw new Error("no opening");
    const opened: Line = { at: 0 as Instant, command: { ...opening.command, from: "closed", to: "open" } };
    expect(check([opened, ...lines])).toContain("I7");
  });

  test("I5: a request that comes to a route for the second time", () => {
    const place = middle((line) => isEvent(line, "request-arrived"));
    const arrival = lines[place];
    if (arrival === undefined || !("event" in arrival) || arrival.event.kind !== "request-arrived") throw new Error("no arrival");
    const { id: request, route } = arrival.event.request;
    const command: RouterCommand = { kind: "request-rerouted", request, from: route, to: route, cause: "general" };
    expect(check([...lines.slice(0, place + 1), { command, at: arrival.at }, ...lines.slice(place + 1)])).toContain("I5");
  });

  test("I7: more probes at once than allowed", () => {
    const none = { ...config, deployments: config.deployments.map((deployment) => ({ ...deployment, breaker: { ...deployment.breaker, probes: 0 } })) };
    expect(check(lines, none)).toContain("I7");
  });

  test("I8: an endpoint left idle while a request waits that it could take", () => {
    const arrival = lines.find((line) => isEvent(line, "request-arrived"));
    const later = lines.slice(1).find((line) => "event" in line && line.at > (arrival?.at ?? 0));
    if (arrival === undefined || later === undefined) throw new Error("no arrivals");
    expect(check([arrival, later], { ...config, limits: [] })).toContain("I8");
  });

  test("I14: two attempts of one request that may both still answer, where its route does not hedge; I6: where nothing has been earned for it", () => {
    const place = middle((line) => isCommand(line, "start-attempt"));
    const start = lines[place];
    if (start === undefined || !("command" in start) || start.command.kind !== "start-attempt") throw new Error("no start");
    const second: Line = { at: start.at, command: { ...start.command, attempt: 9999 as never } };
    const doubled = [...lines.slice(0, place + 1), second, ...lines.slice(place + 1)];
    const hedging = (hedge: HedgeSpec | null): CompiledConfig => ({ ...config, routes: config.routes.map((route) => ({ ...route, hedge })) });
    expect(check(doubled, hedging(null))).toContain("I14");
    expect(check(doubled, hedging({ quantile: 0.9, delayMin: 0 as never, budgetPerMille: 0 }))).toContain("I6");
  });

  test("I14: a second attempt that is committed", () => {
    const place = middle((line) => isCommand(line, "commit-attempt"));
    const doubled = lines.flatMap((line, other) => (other === place ? [line, line] : [line]));
    expect(check(doubled)).toContain("I14");
  });

  test("I14: an attempt without an outcome", () => {
    expect(check(without(middle((line) => isEvent(line, "attempt-ended"))))).toContain("I14");
  });

  test("I14: an outcome that comes twice", () => {
    const place = middle((line) => isEvent(line, "attempt-ended"));
    const doubled = lines.flatMap((line, other) => (other === place ? [line, line] : [line]));
    expect(check(doubled)).toContain("I14");
  });

  test.each([
    ["outside the only region it may be in", { residency: 1 }],
    ["where the quality is not known that it asks for", { qualityMin: 0.5 }],
    ["at another endpoint than the one that keeps what it refers to", { only: 99 as EndpointId }],
  ])("I15: an attempt %s", (_what, demanded) => {
    const bound = lines.map((line): Line =>
      "event" in line && line.event.kind === "request-arrived"
        ? { at: line.at, event: { kind: "request-arrived", request: { ...line.event.request, ...demanded } } }
        : line,
    );
    expect(check(bound)).toContain("I15");
  });

  test("I14: money for an attempt that was not made", () => {
    const place = middle((line) => isCommand(line, "start-attempt"));
    expect(check(without(place))).toContain("I14");
  });
});
