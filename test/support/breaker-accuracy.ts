/**
 * Breakers against random fault scripts. Four hosted endpoints that fail 2 % of their calls at all times get two requests a second each for a quarter of an hour; two of
 * them fail for one to four minutes, in a way and at a time drawn by the script's number. An opening outside of a fault is a false positive (breaker-judge.ts).
 *
 * How soon a breaker could have opened follows from what it saw: Page's cumulative sum, the best sequential test for a jump from the normal to the fault's rate with as few
 * false alarms (bernoulli-cusum.ts), is fed the outcomes of that endpoint since the fault began, in their order. Both times count from the first failure seen. A test that had
 * not alarmed when the breaker opened would have needed more: it is given the breaker's time, so that ours over best is never flattered.
 */
import type { EndpointId, RouteId } from "../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { instantAt, micros } from "../../router/core/time.ts";
import { type CompiledScenario, type FaultSpec, oneReplica } from "../../simulator/core/compiled-scenario.ts";
import type { EndpointFault } from "../../simulator/core/fault/fault-spec.ts";
import type { HostedSpec } from "../../simulator/core/hosted/hosted-spec.ts";
import { BreakerJudge, type BreakerJudgement } from "../../simulator/core/measure/breaker-judge.ts";
import { createWorld } from "../../simulator/core/world.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { type BernoulliCusum, bestTest } from "./bernoulli-cusum.ts";
import { defaultBreaker, normalRate } from "./breaker-detection.ts";
import { fixtureConfig } from "./router-fixture.ts";
import { smallHosted } from "./small-scenario.ts";

const endpoints = 4;
const perSecond = 8;
const spanUs = 900e6;
const ownErrorRate = 0.02;
const outcomesPerFalseAlarm = 500_000;
const draws = { arrivals: purposeOf("test-arrivals"), faults: purposeOf("test-faults") };
const rates = [0.3, 0.5, 0.8, 1];

export interface Opening {
  readonly rate: number;
  readonly oursMs: number;
  readonly bestMs: number;
}

export interface ScriptOutcome {
  readonly judgement: BreakerJudgement;
  readonly openings: readonly Opening[];
}

interface Outcome {
  readonly at: number;
  readonly failed: boolean;
}

export function playScript(script: number): ScriptOutcome {
  const faults = faultsOf(script);
  const config = fixtureConfig({ strategy: "round-robin", breaker: defaultBreaker, deployments: Array.from({ length: endpoints }, () => ({ endpoints: 1 })) });
  const provider: HostedSpec = { ...smallHosted, errorRate: ownErrorRate };
  const scenario: CompiledScenario = {
    name: "breaker-accuracy",
    config,
    endpoints: config.endpoints.map(() => provider),
    faults,
    replicas: oneReplica,
    defaultRoute: 0 as RouteId,
    warmUp: micros(0),
    targets: [],
  };
  const judge = new BreakerJudge(scenario.config, faults);
  const outcomes: Outcome[][] = Array.from({ length: endpoints }, () => []);
  const opened: { readonly endpoint: EndpointId; readonly at: number }[] = [];
  createWorld(scenario, {
    seed: script,
    arrivals: arrivalsOf(script),
    observer: {
      requestEnded: () => undefined,
      breakerChanged: (endpoint, _from, to, at) => {
        judge.breakerChanged(endpoint, to, at);
        if (to === "open") opened.push({ endpoint, at });
      },
      attemptEnded: (endpoint, startedAt, at, failed) => {
        judge.attemptEnded(endpoint, startedAt, at, failed);
        outcomes[endpoint]?.push({ at, failed });
      },
    },
  }).run();
  const openings = faults.flatMap((fault) => {
    const first = opened.find(({ endpoint, at }) => endpoint === fault.endpoint && at >= fault.at && at <= fault.until);
    return first === undefined ? [] : openingOf(fault, first.at, outcomes[fault.endpoint] ?? []);
  });
  return { judgement: judge.judgement(null), openings };
}

function openingOf(fault: FaultSpec, openedAt: number, outcomes: readonly Outcome[]): readonly Opening[] {
  const seen = outcomes.filter(({ at }) => at >= fault.at && at <= openedAt);
  const first = seen.find(({ failed }) => failed);
  if (first === undefined) return [];
  const rate = rateOf(fault.fault);
  const alarm = alarmOf(seen, testFor(rate)) ?? openedAt;
  return [{ rate, oursMs: (openedAt - first.at) / 1000, bestMs: (Math.max(alarm, first.at) - first.at) / 1000 }];
}

const tests = new Map<number, BernoulliCusum>();
function testFor(rate: number): BernoulliCusum {
  const known = tests.get(rate) ?? bestTest(normalRate, rate, outcomesPerFalseAlarm);
  tests.set(rate, known);
  return known;
}

function alarmOf(outcomes: readonly Outcome[], { step, limit }: BernoulliCusum): number | null {
  let sum = 0;
  for (const { at, failed } of outcomes) {
    sum = Math.max(0, sum + (failed ? step - 1 : -1));
    if (sum >= limit) return at;
  }
  return null;
}

function rateOf(fault: EndpointFault): number {
  return "rate" in fault ? fault.rate : 1;
}

function faultsOf(script: number): readonly FaultSpec[] {
  const draw = (place: number, below: number): number => Math.floor(keyedUnit(script, draws.faults, 0, place) * below);
  const first = draw(0, endpoints);
  return [first, (first + 1 + draw(1, endpoints - 1)) % endpoints].map((endpoint, which) => {
    const at = 120e6 + draw(10 + which, 480) * 1e6;
    return {
      endpoint: endpoint as EndpointId,
      at: instantAt(at),
      until: instantAt(at + (60 + draw(20 + which, 180)) * 1e6),
      fault: faultOf(draw(30 + which, 9)),
    };
  });
}

function faultOf(kind: number): EndpointFault {
  if (kind === 8) return { kind: "down" };
  return { kind: kind < 4 ? "error" : "overload", rate: rates[kind % 4] ?? 1 };
}

function* arrivalsOf(script: number): Generator<Arrival> {
  let at = 0;
  for (let serial = 0; ; serial += 1) {
    at += -Math.log(1 - keyedUnit(script, draws.arrivals, serial, 0)) * (1e6 / perSecond);
    if (at > spanUs) return;
    yield { at: instantAt(Math.floor(at)), inputTokens: 200, outputTokens: 40, blocks: null, route: null };
  }
}

export interface Accuracy {
  readonly openings: number;
  readonly falsePositives: number;
  readonly missed: number;
  readonly troubles: number;
  /** By the fault's rate: mean times over the faults found. */
  readonly byRate: readonly { readonly rate: number; readonly found: number; readonly oursMs: number; readonly bestMs: number }[];
}

export function accuracyOf(outcomes: readonly ScriptOutcome[]): Accuracy {
  const sum = (which: "openings" | "falsePositives" | "missed" | "troubles"): number => outcomes.reduce((total, { judgement }) => total + judgement[which], 0);
  const found = outcomes.flatMap(({ openings }) => openings);
  const mean = (own: readonly Opening[], which: "oursMs" | "bestMs"): number => own.reduce((total, opening) => total + opening[which], 0) / own.length;
  return {
    openings: sum("openings"),
    falsePositives: sum("falsePositives"),
    missed: sum("missed"),
    troubles: sum("troubles"),
    byRate: rates.flatMap((rate) => {
      const own = found.filter((opening) => opening.rate === rate);
      return own.length === 0 ? [] : [{ rate, found: own.length, oursMs: mean(own, "oursMs"), bestMs: mean(own, "bestMs") }];
    }),
  };
}
