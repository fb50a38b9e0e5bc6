import type { EngineOptions } from "../../simulator/core/engine/engine-spec.ts";
import type { CompiledScenario } from "../../simulator/core/compiled-scenario.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import { failureRateSpec } from "../../router/core/health/failure-rate.ts";
import { after, instantAt, micros, seconds } from "../../router/core/time.ts";
import type { FixtureOptions } from "../support/router-fixture.ts";

/** An option that is configured and never has anything to do: what it costs then is what it costs others. */
export interface IdleOption {
  readonly name: string;
  readonly engine?: Partial<EngineOptions>;
  readonly router?: FixtureOptions;
  readonly scenario?: Partial<CompiledScenario>;
}

const farAway = instantAt(1e15);

export const idleOptions: readonly IdleOption[] = [
  { name: "watermark of one block", engine: { watermark: 0.00001 } },
  { name: "priority order, all alike", engine: { policy: "priority" } },
  { name: "long prefills cut at 8,192", engine: { longPrefillTokensMax: 8192 } },
  { name: "adaptive prefill threshold", engine: { longPrefillTokensMax: 8192, longPrefillAdaptive: true } },
  { name: "as many active as sequences", engine: { activeSequencesMax: 256 } },
  { name: "hedging without a budget", router: { route: { hedge: { quantile: 0.95, delayMin: micros(0), budgetPerMille: 0 } } } },
  { name: "a floor of 10 %, all healthy", router: { route: { floorPercent: 10 } } },
  {
    name: "a fault after the end",
    scenario: { faults: [{ endpoint: 0 as EndpointId, at: farAway, until: after(farAway, seconds(1)), fault: { kind: "down" } }] },
  },
  {
    name: "breakers by rate, all healthy",
    router: { breaker: { rate: failureRateSpec(0.01, 0.2, seconds(60), 20) } },
  },
  { name: "shared half-open probes", router: { breaker: { shared: true } } },
  { name: "breakers off", router: { breaker: { enabled: false } } },
  { name: "signals every hour", scenario: { replicas: { count: 1, gossip: null, signals: { every: seconds(3600), delay: micros(0) } } } },
];
