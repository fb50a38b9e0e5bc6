import type { CompiledScenario } from "../compiled-scenario.ts";
import type { SummaryOptions } from "./summarise.ts";

export function summaryOptions({ warmUp, window, config, slo, baseline }: CompiledScenario): SummaryOptions {
  const { routes, deployments, tenants } = config;
  return {
    warmUp,
    window,
    routes: routes.length,
    deployments: deployments.length,
    tenants: tenants.length,
    tierOf: deployments.map(({ tier }) => tier),
    slo,
    baseline,
  };
}
