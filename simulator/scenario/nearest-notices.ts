import type { CompiledScenario } from "../core/compiled-scenario.ts";

/** A line for every deployment whose GPU or model is not known and is simulated as the nearest that is. */
export function nearestNotices({ config, endpoints }: CompiledScenario): readonly string[] {
  return config.deployments.flatMap(({ name, endpoints: [first] }) => {
    const spec = first === undefined ? undefined : endpoints[first];
    if (spec?.kind !== "vllm" || spec.modelled === undefined || spec.modelled.exact) return [];
    const { asked, profile, errorPercent } = spec.modelled;
    return [`note: ${name}: ${asked} has no profile; simulated as ${profile}, the nearest: step times within about ${errorPercent} %`];
  });
}
