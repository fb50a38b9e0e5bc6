import type { RequestCounts } from "../../core/measure/figures.ts";
import type { RunFigures } from "../../core/measure/summarise.ts";
import type { LiveRun } from "../replay-scenario.ts";
import { openingsOf } from "../router-counters.ts";

/** A run of either clock, as far as the two are compared. */
export interface Side {
  /** Latencies, over the scenario's window. */
  readonly window: RunFigures;
  /** Counts and money, over all requests: the live router's counters know no window. */
  readonly whole: RunFigures;
  readonly breakerOpenings: number;
  readonly retries: number;
  /** Null: a price is missing. */
  readonly costDollars: number | null;
}

export interface ComparedMetric {
  readonly name: string;
  readonly simulated: number | null;
  readonly live: number | null;
  /** live - simulated. */
  readonly difference: number | null;
  /** The largest difference, either way, that passes. */
  readonly tolerance: number;
  readonly within: boolean;
}

/** How far apart the two may be: latencies max(3 %, 3 ms), retries max(3, 10 %), cost 0.5 %, breaker openings not at all, results max(3, 1 % of requests). */
export function compareSides(simulated: Side, live: Side): readonly ComparedMetric[] {
  const latency = (value: number): number => Math.max(3, 0.03 * value);
  const requests = simulated.whole.summary.requests.scheduled;
  const counted = (): number => Math.max(3, 0.01 * requests);
  const of = (name: string, read: (side: Side) => number | null, tolerance: (simulated: number) => number): ComparedMetric =>
    compared(name, read(simulated), read(live), tolerance);
  const count = (name: string, read: (counts: RequestCounts) => number): ComparedMetric => of(name, ({ whole }) => read(whole.summary.requests), counted);
  return [
    of("ttftP50Ms", ({ window }) => window.summary.ttftMs?.p50 ?? null, latency),
    of("ttftP95Ms", ({ window }) => window.summary.ttftMs?.p95 ?? null, latency),
    of("e2eP50Ms", ({ window }) => window.summary.e2eMs?.p50 ?? null, latency),
    of("e2eP95Ms", ({ window }) => window.summary.e2eMs?.p95 ?? null, latency),
    of(
      "breakerOpenings",
      (side) => side.breakerOpenings,
      () => 0,
    ),
    of(
      "retries",
      (side) => side.retries,
      (value) => Math.max(3, 0.1 * value),
    ),
    of(
      "costDollars",
      (side) => side.costDollars,
      (value) => 0.005 * value,
    ),
    of(
      "requests",
      ({ whole }) => whole.summary.requests.scheduled,
      () => 0,
    ),
    count("served", ({ served }) => served),
    count("cut", ({ cut }) => cut),
    count("failed", ({ failed }) => failed),
    count("rejected", ({ rejected }) => rejected),
  ];
}

export function liveSide(run: LiveRun): Side {
  const { counters, figures, whole } = run;
  if (counters === null) throw new Error("a live side needs the router's counters");
  return {
    window: figures,
    whole,
    breakerOpenings: openingsOf(counters),
    retries: counters.retries,
    costDollars: counters.unpriced > 0 ? null : counters.nanoDollars / 1_000_000_000,
  };
}

function compared(name: string, simulated: number | null, live: number | null, toleranceOf: (simulated: number) => number): ComparedMetric {
  if (simulated === null || live === null) return { name, simulated, live, difference: null, tolerance: 0, within: simulated === live };
  const difference = rounded(live - simulated);
  const tolerance = rounded(toleranceOf(simulated));
  return { name, simulated, live, difference, tolerance, within: Math.abs(difference) <= tolerance };
}

const rounded = (value: number): number => Math.round(value * 1e9) / 1e9;
