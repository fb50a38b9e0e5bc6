import type { BreakerSpec } from "../core/compiled-config.ts";
import { type FailureRateSpec, failureRateSpec } from "../core/health/failure-rate.ts";
import type { ConfigFile } from "./schema.ts";

type BreakerDefaults = ConfigFile["breaker"];
type BreakerOverride = ConfigFile["deployments"][string]["breaker"];
type Refuse = (field: string, message: string, fix: string) => void;

/** What the deployment says, and the file's defaults where it says nothing. */
export function compileBreaker(defaults: BreakerDefaults, own: BreakerOverride, refuse: Refuse): BreakerSpec {
  const open = own.open ?? defaults.open;
  return {
    enabled: own.enabled ?? defaults.enabled,
    failures: own.failures ?? defaults.failures,
    open,
    probes: own.probes ?? defaults.probes,
    probesAtOnce: own.probesAtOnce ?? defaults.probesAtOnce,
    shared: own.shared ?? defaults.shared,
    growthPercent: Math.round((own.growth ?? defaults.growth) * 100),
    openMax: Math.max(open, own.openMax ?? defaults.openMax) as typeof open,
    stable: own.stable ?? defaults.stable,
    rate: compileRate(defaults.rate, own.rate, refuse),
  };
}

function compileRate(defaults: BreakerDefaults["rate"], own: BreakerOverride["rate"], refuse: Refuse): FailureRateSpec | null {
  const normal = own.normalPercent ?? defaults.normalPercent;
  const failing = own.failingPercent ?? defaults.failingPercent;
  if (failing <= normal) refuse("rate", `failingPercent ${failing} is not above normalPercent ${normal}`, "make it at least twice that");
  const enabled = own.enabled ?? defaults.enabled;
  if (!enabled || failing <= normal) return null;
  return failureRateSpec(normal / 100, failing / 100, own.window ?? defaults.window, own.minimum ?? defaults.minimum);
}
