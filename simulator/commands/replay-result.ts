import type { Metrics } from "../core/measure/metrics.ts";
import { metricsOf, nothingKnown } from "../core/measure/metrics.ts";
import { judge, overall } from "../core/measure/verdicts.ts";
import type { LiveRun } from "../load/replay-scenario.ts";
import { openingsOf, type RouterCounters } from "../load/router-counters.ts";
import type { Validity } from "../load/validity.ts";
import type { JudgedResult } from "../result/run-result.ts";
import { resultOf } from "../run/run-scenario.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";

/** A replay's result: what a simulation's holds, and how far the measurement can be trusted. */
export interface ReplayResult extends JudgedResult {
  readonly replay: {
    readonly target: string;
    readonly validity: Validity;
    /** Where cost, retries and breaker openings come from: the router's own counters, or only what the answers say (then breakers are not known). */
    readonly countedBy: "router" | "answers";
  };
}

export function replayResult(scenario: LoadedScenario, run: LiveRun, target: string): ReplayResult {
  const { figures, counters, validity } = run;
  const plain = resultOf(scenario, "replayed", { ...nobodySaw, seed: scenario.seed, figures }, []);
  const metrics = liveMetrics(metricsOf(figures.summary, nothingKnown), counters);
  const verdicts = judge(scenario.compiled.targets, [metrics]);
  return {
    ...plain,
    seeds: [{ seed: scenario.seed, metrics }],
    verdict: validity.valid ? overall(verdicts) : "invalid",
    verdicts,
    breakers: [],
    replay: { target, validity, countedBy: counters === null ? "answers" : "router" },
  };
}

/** Of what lies behind the router a replay sees nothing. */
const nobodySaw = { breakerChanges: [], signals: [], breakers: [], probes: [], facts: nothingKnown, faults: { endpoints: [], store: [], replicas: [] } };

function liveMetrics(metrics: Metrics, counters: RouterCounters | null): Metrics {
  if (counters === null) return { ...metrics, breakerOpenings: null };
  const costDollars = counters.unpriced > 0 ? null : counters.nanoDollars / 1_000_000_000;
  return { ...metrics, costDollars, retries: counters.retries, breakerOpenings: openingsOf(counters) };
}

export function validityLines(validity: Validity): readonly string[] {
  const { lagMs, rate, eventLoopDelayMs } = validity;
  const pace = rate === null ? "" : `; ${rate.achieved.toFixed(2)} of ${rate.requested.toFixed(2)} requests/s (${(100 * rate.ratio).toFixed(2)} %)`;
  const away = `event loop away p99 ${eventLoopDelayMs.p99.toFixed(1)} ms, at most ${eventLoopDelayMs.max.toFixed(1)} ms`;
  const lag = `sent late by p50 ${lagMs.p50.toFixed(2)} ms, p99 ${lagMs.p99.toFixed(2)} ms (at most ${lagMs.limit.toFixed(0)} ms), max ${lagMs.max.toFixed(1)} ms`;
  const { mockLateness: late } = validity;
  const mock =
    late === null
      ? []
      : [`mock: ${late.tokens} tokens left late by p50 ${late.p50Ms.toFixed(1)} ms, p99 ${late.p99Ms.toFixed(1)} ms, max ${late.maxMs.toFixed(0)} ms`];
  return [`load generator: ${lag}${pace}; ${away}`, ...mock, ...validity.reasons.map((reason) => `invalid: ${reason}`)];
}
