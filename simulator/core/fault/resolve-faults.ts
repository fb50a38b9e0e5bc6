import type { Duration, Instant } from "../../../router/core/machine.ts";
import { ln } from "../../../router/core/numeric.ts";
import { forkRandom, nextUnit } from "../../../router/core/random.ts";
import { after, instantAt, startOfTime } from "../../../router/core/time.ts";
import type { CompiledScenario, FaultSpec } from "../compiled-scenario.ts";
import type { StoreFaultSpec } from "../store/lease-store-spec.ts";
import type { EndpointFault, FaultPlan, FaultTiming, ReplicaFaultSpec } from "./fault-spec.ts";

/** A run's faults with their instants: the ground truth that breakers are judged by. The same seed gives the same, in virtual time and behind the mocks. */
export interface FaultScript {
  readonly endpoints: readonly FaultSpec[];
  readonly store: readonly StoreFaultSpec[];
  readonly replicas: readonly ReplicaFaultSpec[];
}

interface Span {
  readonly at: Instant;
  readonly until: Instant;
}

const hour = 3_600_000_000;
/** Of one plan: what is asked for beyond it is not a scenario but a mistake. */
const occurrencesMax = 100_000;

export type FaultSource = Pick<CompiledScenario, "faults" | "faultPlans" | "faultsUntil" | "leaseStore">;

export function resolveFaults({ faults, faultPlans = [], faultsUntil = instantAt(24 * hour), leaseStore }: FaultSource, seed: number): FaultScript {
  const endpoints = [...faults];
  const store = [...(leaseStore?.faults ?? [])];
  const replicas: ReplicaFaultSpec[] = [];
  for (const plan of faultPlans) {
    for (const span of spansOf(plan, faultsUntil, seed)) {
      const { target } = plan;
      if (target.kind === "endpoints") endpoints.push(...target.endpoints.map((endpoint) => ({ endpoint, ...span, fault: target.fault })));
      else if (target.kind === "store") store.push({ ...span, replica: target.replica });
      else replicas.push({ replica: target.replica, ...span });
    }
  }
  return { endpoints: endpoints.toSorted(byTime), store: store.toSorted(byTime), replicas: replicas.toSorted(byTime) };
}

const byTime = (one: Span, other: Span): number => one.at - other.at;

/** Those that begin before `end`. */
function spansOf({ name, timing }: FaultPlan, end: Instant, seed: number): readonly Span[] {
  const draw = timing.kind === "random" ? exponentials(seed, name) : null;
  const spans: Span[] = [];
  let at = firstOf(timing, draw);
  while (at < end && spans.length < occurrencesMax) {
    const lasts = timing.kind === "random" ? Math.max(1, Math.floor(timing.meanDuration * (draw?.() ?? 1))) : timing.for;
    spans.push({ at, until: after(at, lasts as Duration) });
    if (timing.kind === "once") break;
    at = after(at, (timing.kind === "every" ? timing.every : Math.max(1, Math.floor((hour / timing.perHour) * (draw?.() ?? 1)))) as Duration);
  }
  return spans;
}

function firstOf(timing: FaultTiming, draw: (() => number) | null): Instant {
  if (timing.kind !== "random") return timing.at;
  return after(startOfTime, Math.floor((hour / timing.perHour) * (draw?.() ?? 1)) as Duration);
}

/** Of mean 1. */
function exponentials(seed: number, name: string): () => number {
  const random = forkRandom(seed, `fault ${name}`);
  return () => -ln(1 - nextUnit(random));
}

/** Faults of the line to an endpoint rather than of the endpoint. */
const ofLine: readonly EndpointFault["kind"][] = ["stall", "latency", "loss", "partition"];
export const isOfLine = (kind: EndpointFault["kind"]): boolean => ofLine.includes(kind);

/** Endpoints whose line is ever faulty. */
export function faultyLines({ endpoints }: FaultScript): ReadonlySet<number> {
  return new Set(endpoints.flatMap(({ endpoint, fault }) => (isOfLine(fault.kind) ? [endpoint] : [])));
}
