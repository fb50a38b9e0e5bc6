import { headgateVersion } from "../../router/config/project-root.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { EndpointModelSpec } from "../core/compiled-scenario.ts";
import type { HostedSpec } from "../core/hosted/hosted-spec.ts";
import { percentileMethod, sketchedPercentileMethod } from "../core/measure/percentile.ts";
import type { ModelProvenance, Provenance } from "../result/run-result.ts";
import type { LoadedScenario } from "../scenario/loaded-scenario.ts";

/** @param isExact whether all records of the run were kept */
export function provenanceOf(scenario: LoadedScenario, clock: Provenance["clock"], isExact: boolean): Provenance {
  const { format, file, relativeTo, rows, speed, spanUs, sha256, loop, jitterUs, drawnFeatures, notes } = scenario.trace;
  const { config, endpoints } = scenario.compiled;
  return {
    clock,
    headgate: headgateVersion(),
    percentiles: isExact ? percentileMethod : sketchedPercentileMethod,
    calibrated: calibrationOf(config, endpoints),
    drawn: drawnIn(scenario),
    arrivals: {
      source: "trace",
      format,
      file,
      relativeTo,
      rows,
      speed,
      spanMs: spanUs / 1000,
      sha256,
      ...(loop === "closed" ? { loop } : {}),
      ...(jitterUs === null ? {} : { jitter: { withinMs: jitterUs / 1000, seed: scenario.seed } }),
      ...(drawnFeatures.length === 0 ? {} : { drawnFeatures }),
      ...(notes.length === 0 ? {} : { notes }),
    },
    scenario: { sha256: scenario.sha256 },
    config: { file: scenario.config.file, version: config.version, sha256: scenario.config.sha256 },
    models: config.deployments.flatMap(({ name, endpoints: [first] }): Provenance["models"] => {
      const spec = first === undefined ? undefined : endpoints[first];
      if (spec === undefined) return [];
      if (spec.kind === "hosted") return [{ deployment: name, model: hostedModel(spec), errorPercent: null }];
      return [vllmProvenance(name, spec)];
    }),
  };
}

function vllmProvenance(deployment: string, { engine, modelled }: Extract<EndpointModelSpec, { readonly kind: "vllm" }>): ModelProvenance {
  const { kind, hardware, model, engineVersion, errorPercent } = engine.stepTime.source;
  const named = { deployment, model: `${hardware}, ${model}, vLLM ${engineVersion}: ${kind}` };
  if (modelled === undefined) return { ...named, errorPercent };
  return { ...named, errorPercent: modelled.errorPercent, profile: modelled.profile, ...(modelled.exact ? {} : { nearestTo: modelled.asked }) };
}

function hostedModel({ profile, quota }: HostedSpec): string {
  const from = profile === undefined ? "as given" : `profile ${profile}`;
  return `latency distribution${quota === null ? "" : " and quota"}, ${from}`;
}

/** Calibrated: every model's figures were measured on what it stands for. Fitted, scaled or given figures are not. */
function calibrationOf(config: CompiledConfig, endpoints: readonly EndpointModelSpec[]): Provenance["calibrated"] {
  const not = config.deployments.filter(({ endpoints: own }) => own.some((id) => !isMeasured(endpoints[id]))).map(({ name }) => name);
  return not.length === 0 ? { calibrated: true } : { calibrated: false, uncalibrated: not };
}

function isMeasured(spec: EndpointModelSpec | undefined): boolean {
  return spec?.kind === "vllm" && spec.engine.stepTime.source.kind === "measured" && spec.modelled?.exact !== false;
}

const hasWander = (spec: EndpointModelSpec): boolean => spec.kind === "vllm" && (spec.engine.options?.wander ?? null) !== null;

/** What chance decided, by the seed. */
function drawnIn({ compiled, trace }: LoadedScenario): readonly string[] {
  const { endpoints, faultPlans = [], replicas } = compiled;
  const drawn = [
    [endpoints.some(({ kind }) => kind === "hosted"), "latencies of hosted APIs"],
    [endpoints.some(hasWander), "how the speed of GPUs wanders"],
    [faultPlans.some(({ timing }) => timing.kind === "random"), "instants of random faults"],
    [replicas.count > 1, "which replica a request comes to"],
    [trace.jitterUs !== null, "instants within the trace's slots"],
    [trace.drawnFeatures.length > 0, `features (${trace.drawnFeatures.join(", ")})`],
  ] as const;
  return drawn.flatMap(([is, what]) => (is ? [what] : []));
}
