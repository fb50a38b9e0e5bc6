/**
 * node --expose-gc test/bench/decision.ts [DECISIONS]: how long the router takes from a request's arrival to its start-attempt, with 1,000 deployments in one route, every
 * tenth breaker open, prefix affinity, and limits on the total (requests, attempts in flight), the tenant (tokens) and the route (money). Prints percentiles of the wall
 * clock (so what other processes take is in them) and what the heap has grown by. Once as it is; once with a change of some endpoint's breaker between any two decisions,
 * which makes every decision look at all 1,000.
 */
import type { DeploymentSpec } from "../../router/core/compiled-config.ts";
import type { AttemptId, AttemptOutcome, RequestId, RouteId, RouterCommand, RouterEvent, TenantId } from "../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { Router } from "../../router/core/router.ts";
import type { RouterState } from "../../router/core/state.ts";
import { LeaseBench } from "../support/lease-bench.ts";
import { instantAt, micros, startOfTime } from "../../router/core/time.ts";
import { fixtureConfig, fixtureRequest } from "../support/router-fixture.ts";

const decisions = Number(process.argv[2] ?? 1_000_000);
const deployments = 1_000;
const warmUp = 50_000;
const inFlight = 2_000;
const purpose = purposeOf("bench-sessions");

const config = fixtureConfig({
  strategy: "prefix-affinity",
  deployments: Array.from({ length: deployments }, (): Partial<DeploymentSpec> => ({ contextTokens: 200_000 })) as never,
  tenants: 1,
  retry: { attemptsMax: 1 },
  limits: [
    { unit: "requests", amount: 1e9 },
    { unit: "attempts-in-flight", amount: 1e6 },
    { unit: "tokens", amount: 1e12, scope: { kind: "tenant", tenant: 0 as TenantId } },
    { unit: "nano-dollars", amount: 1e14, scope: { kind: "route", route: 0 as RouteId } },
  ],
  route: { affinity: { loadBoundPercent: 125, homesMax: 65_536 } },
});
const opened = new Router(config, { seed: 1, explain: false }).snapshot() as RouterState;
for (const [place, endpoint] of opened.endpoints.entries()) {
  if (place % 10 === 0) Object.assign(endpoint.breaker, { phase: "open", openUntil: 1e15 });
}
const router = new Router(config, { seed: 1, explain: false }, opened);

const ended: AttemptOutcome = {
  kind: "succeeded",
  failure: null,
  retryAfter: null,
  billed: "yes",
  usage: { input: 2_000, cachedRead: 1_000, cacheWrite: 0, output: 200, reasoning: 0 },
  usageEstimated: false,
  lagged: false,
};
const leases = new LeaseBench(config);
const answers: RouterEvent[] = [];
let clock = startOfTime;
/** It cools for as long as the provider says: half a millisecond. */
const limited: AttemptOutcome = { ...ended, kind: "failed", failure: "rate-limited", retryAfter: micros(500), billed: "no", usage: null };
let disturb = false;
let started: AttemptId | null = null;
const out = {
  emit(command: RouterCommand): void {
    const answer = leases.hear(command, clock);
    if (answer !== null) answers.push(answer);
    if (command.kind !== "start-attempt") return;
    started = command.attempt;
  },
};
const running: (AttemptId | null)[] = Array.from({ length: inFlight }, () => null);

/** Two common blocks, then one of 20,000 sessions, then the turn. */
function blocksOf(serial: number): Int32Array {
  const session = Math.floor(20_000 * keyedUnit(1, purpose, serial, 0) * keyedUnit(1, purpose, serial, 1));
  return Int32Array.of(1, 2, 1_000 + session * 7, 1_001 + session * 7, 1_002 + session * 7);
}

function decideOnce(serial: number): number {
  const slot = serial % inFlight;
  const now = instantAt(serial * 500);
  const before = running[slot] ?? null;
  if (before !== null) router.handle({ kind: "attempt-ended", attempt: before, outcome: disturb && serial % 2 === 0 ? limited : ended }, now, out);
  clock = now;
  for (let answer = answers.pop(); answer !== undefined; answer = answers.pop()) router.handle(answer, now, out);
  const event: RouterEvent = { kind: "request-arrived", request: fixtureRequest(slot as RequestId, serial, { blocks: blocksOf(serial), inputTokens: 2_000 }) };
  started = null;
  const from = performance.now();
  router.handle(event, now, out);
  const tookMs = performance.now() - from;
  if (started === null) throw new Error(`decision ${serial} started no attempt`);
  running[slot] = started;
  return tookMs * 1000;
}

let played = 0;
for (; played < warmUp; played += 1) decideOnce(played);
console.log(`${decisions} decisions among ${deployments} deployments, 10 % open, prefix affinity, four limits; ${process.version}`);
measure("as it is");
disturb = true;
measure("changing");

function measure(name: string): void {
  const took = new Float64Array(decisions);
  const heapBefore = heapNow();
  for (let place = 0; place < decisions; place += 1, played += 1) took[place] = decideOnce(played);
  const grownMb = (heapNow() - heapBefore) / 1e6;
  took.sort();
  const at = (share: number): string => `${(took[Math.min(decisions - 1, Math.floor(share * decisions))] ?? 0).toFixed(2)} us`;
  console.log(`${name}: p50 ${at(0.5)}  p90 ${at(0.9)}  p99 ${at(0.99)}  p99.9 ${at(0.999)}  longest ${at(1)}; heap grown by ${grownMb.toFixed(2)} MB`);
}

function heapNow(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
