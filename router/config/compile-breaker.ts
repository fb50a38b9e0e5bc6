import type { BreakerSpec } from "../core/compiled-config.ts";
import { type FailureRateSpec, failureRateSpec } from "../core/health/failure-rate.ts";
import type { Report } from "./compile-fallbacks.ts";
import type { ConfigFile } from "./schema.ts";
import type { FieldPath } from "./yaml-source.ts";

type BreakerDefaults = ConfigFile["breaker"];
type BreakerOverride = ConfigFile["deployments"][string]["breaker"];

/** What the deployment says, and the file's defaults where it says nothing. */
export function compileBreaker(defaults: BreakerDefaults, own: BreakerOverride): BreakerSpec {
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
    rate: compileRate(rateOf(defaults.rate, own.rate)),
  };
}

function rateOf(defaults: BreakerDefaults["rate"], own: BreakerOverride["rate"]): BreakerDefaults["rate"] {
  return {
    enabled: own.enabled ?? defaults.enabled,
    normalPercent: own.normalPercent ?? defaults.normalPercent,
    failingPercent: own.failingPercent ?? defaults.failingPercent,
    window: own.window ?? defaults.window,
    minimum: own.minimum ?? defaults.minimum,
  };
}

function compileRate({ enabled, normalPercent, failingPercent, window, minimum }: BreakerDefaults["rate"]): FailureRateSpec | null {
  if (!enabled || failingPercent <= normalPercent) return null;
  return failureRateSpec(normalPercent / 100, failingPercent / 100, window, minimum);
}

/** What is normal cannot be failing: of the defaults, and of deployments that say something of their own. */
export function checkBreakers({ breaker, deployments }: ConfigFile, report: Report): void {
  const check = (path: FieldPath, { normalPercent, failingPercent }: BreakerDefaults["rate"]): void => {
    if (failingPercent > normalPercent) return;
    report(path, "value", `failingPercent ${failingPercent} is not above normalPercent ${normalPercent}`, "make it at least twice that");
  };
  check(["breaker", "rate"], breaker.rate);
  for (const [name, { breaker: own }] of Object.entries(deployments)) {
    const says = own.rate.normalPercent !== undefined || own.rate.failingPercent !== undefined;
    if (says) check(["deployments", name, "breaker", "rate"], rateOf(breaker.rate, own.rate));
  }
}
