import { type CompiledScenario, everyVersion, versionsOf } from "../compiled-scenario.ts";
import type { SummaryOptions } from "./summarise.ts";

export function summaryOptions(scenario: CompiledScenario): SummaryOptions {
  const { warmUp, window, slo, baseline } = scenario;
  const { routes, deployments, tenants } = everyVersion(scenario);
  return {
    warmUp,
    window,
    routes: routes.length,
    deployments: deployments.length,
    tenants: tenants.length,
    tierOf: deployments.map(({ tier }) => tier),
    versions: versionsOf(scenario),
    rates: deployments.map(({ rates }) => rates),
    slo,
    baseline,
  };
}
