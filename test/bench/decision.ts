/**
 * npm run bench:decision [-- DECISIONS]: how long the router takes from a request's arrival to its start-attempt, with 1,000 deployments in one route, every tenth
 * breaker open, prefix affinity, and limits that bind the total, the tenant and the route. Prints percentiles, the share of collections, and what the heap has grown by.
 */
import type { DeploymentSpec } from "../../router/core/compiled-config.ts";
import type { AttemptId, AttemptOutcome, EndpointId, RequestId, RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { Router } from "../../router/core/router.ts";
import type { RouterState } from "../../router/core/state.ts";
import { instantAt } from "../../router/core/time.ts";
import { fixtureConfig, fixtureRequest } from "../support/router-fixture.ts";

const decisions = Number(process.argv[2] ?? 1_000_000);
const deployments = 1_000;
const warmUp = 50_000;
const inFlight = 2_000;
const purpose = purposeOf("bench-sessions");

const config = fixtureConfig({
  strategy: "prefix-affinity",
  deployments: Array.from({ length: deployments }, (): Partial<DeploymentSpec> => ({ contextTokens: 200_000 })) as never,
  route: { affinity: { placement: "hashed", loadBoundPercent: 125, homesMax: 65_536 } },
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
let started: AttemptId | null = null;
let chosen: EndpointId | null = null;
const out = {
  emit(command: RouterCommand): void {
    if (command.kind !== "start-attempt") return;
    started = command.attempt;
    chosen = command.endpoint;
  },
};
const running: (AttemptId | null)[] = Array.from({ length: inFlight }, () => null);
const perEndpoint = new Float64Array(deployments);

/** Two common blocks, then one of 20,000 sessions, then the turn. */
function blocksOf(serial: number): Int32Array {
  const session = Math.floor(20_000 * keyedUnit(1, purpose, serial, 0) * keyedUnit(1, purpose, serial, 1));
  return Int32Array.of(1, 2, 1_000 + session * 7, 1_001 + session * 7, 1_002 + session * 7);
}

function decideOnce(serial: number): number {
  const slot = serial % inFlight;
  const now = instantAt(serial * 500);
  const before = running[slot] ?? null;
  if (before !== null) router.handle({ kind: "attempt-ended", attempt: before, outcome: ended }, now, out);
  const event: RouterEvent = { kind: "request-arrived", request: fixtureRequest(slot as RequestId, serial, { blocks: blocksOf(serial), inputTokens: 2_000 }) };
  started = null;
  const from = performance.now();
  router.handle(event, now, out);
  const tookMs = performance.now() - from;
  if (started === null || chosen === null) throw new Error(`decision ${serial} started no attempt`);
  running[slot] = started;
  perEndpoint[chosen] = (perEndpoint[chosen] ?? 0) + 1;
  return tookMs * 1000;
}

for (let serial = 0; serial < warmUp; serial += 1) decideOnce(serial);
const heapBefore = heapNow();
const took = new Float64Array(decisions);
for (let serial = 0; serial < decisions; serial += 1) took[serial] = decideOnce(warmUp + serial);
const heapAfter = heapNow();
took.sort();
const at = (share: number): string => `${(took[Math.min(decisions - 1, Math.floor(share * decisions))] ?? 0).toFixed(2)} us`;
const busy = perEndpoint.filter((count) => count > 0).length;
console.log(`${decisions} decisions among ${deployments} deployments, 10 % open, prefix affinity; ${process.version}`);
console.log(`p50 ${at(0.5)}  p90 ${at(0.9)}  p99 ${at(0.99)}  p99.9 ${at(0.999)}  longest ${at(1)}`);
console.log(
  `heap ${(heapBefore / 1e6).toFixed(1)} MB before, ${(heapAfter / 1e6).toFixed(1)} MB after; ${busy} endpoints used, busiest ${((Math.max(...perEndpoint) * busy) / (warmUp + decisions)).toFixed(2)} of the mean`,
);

function heapNow(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
