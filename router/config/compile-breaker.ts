import type { BreakerSpec } from "../core/compiled-config.ts";
import { failureRateSpec } from "../core/health/failure-rate.ts";
import type { ConfigFile } from "./schema.ts";

type BreakerDefaults = ConfigFile["breaker"];
type BreakerOverride = ConfigFile["deployments"][string]["breaker"];

/** What the deployment says, and the file's defaults where it says nothing. */
export function compileBreaker(defaults: BreakerDefaults, own: BreakerOverride, refuse: (field: string, message: string, fix: string) => void): BreakerSpec {
  const normal = own.rate.normalPercent ?? defaults.rate.normalPercent;
  const failing = own.rate.failingPercent ?? defaults.rate.failingPercent;
  const window = own.rate.window ?? defaults.rate.window;
  const minimum = own.rate.minimum ?? defaults.rate.minimum;
  const open = own.open ?? defaults.open;
  if (failing <= normal) refuse("rate", `failingPercent ${failing} is not above normalPercent ${normal}`, "make it at least twice that");
  return {
    enabled: own.enabled ?? defaults.enabled,
    failures: own.failures ?? defaults.failures,
    open,
    probes: own.probes ?? defaults.probes,
    growthPercent: Math.round((own.growth ?? defaults.growth) * 100),
    openMax: Math.max(open, own.openMax ?? defaults.openMax) as typeof open,
    stable: own.stable ?? defaults.stable,
    rate: (own.rate.enabled ?? defaults.rate.enabled) && failing > normal ? failureRateSpec(normal / 100, failing / 100, window, minimum) : null,
  };
}
