/**
 * Features that a trace does not know, drawn from a mix that the scenario declares. A draw is keyed by the request's serial and the feature's name: the same request has the
 * same features under every policy, and declaring one more feature shifts none of the others.
 */
import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import type { FeatureName, RequestFeatures } from "./request-features.ts";

/** Weights by value, chances, ranges. What is not declared stays absent. */
export interface FeatureMix {
  readonly task?: Readonly<Partial<Record<RequestFeatures["task"], number>>> | undefined;
  readonly modality?: Readonly<Partial<Record<RequestFeatures["modality"], number>>> | undefined;
  readonly tools?: number | undefined;
  readonly urgent?: number | undefined;
  readonly batchable?: number | undefined;
  readonly complexity?: FeatureRange | undefined;
  readonly qualityFloor?: FeatureRange | undefined;
}
export interface FeatureRange {
  readonly from: number;
  readonly to: number;
}

const purposes: Readonly<Record<keyof FeatureMix, number>> = {
  task: purposeOf("feature task"),
  modality: purposeOf("feature modality"),
  tools: purposeOf("feature tools"),
  urgent: purposeOf("feature urgent"),
  batchable: purposeOf("feature batchable"),
  complexity: purposeOf("feature complexity"),
  qualityFloor: purposeOf("feature qualityFloor"),
};

/** @param known what the trace says; it wins over the mix */
export function drawFeatures(known: Partial<RequestFeatures> | null, mix: FeatureMix, seed: number, serial: number): Partial<RequestFeatures> {
  const unit = (name: keyof FeatureMix): number => keyedUnit(seed, purposes[name], serial, 0);
  const chance = (name: "tools" | "urgent" | "batchable"): boolean | undefined => (mix[name] === undefined ? undefined : unit(name) < mix[name]);
  const between = (name: "complexity" | "qualityFloor"): number | undefined => {
    const range = mix[name];
    return range === undefined ? undefined : range.from + (range.to - range.from) * unit(name);
  };
  const drawn = {
    task: weighted(mix.task, unit("task")),
    modality: weighted(mix.modality, unit("modality")),
    tools: chance("tools"),
    urgent: chance("urgent"),
    batchable: chance("batchable"),
    complexity: between("complexity"),
    qualityFloor: between("qualityFloor"),
  };
  const features: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(drawn)) if (value !== undefined) features[name] = value;
  return { ...features, ...known };
}

/** Which features of a request were drawn, not recorded. */
export const drawnNames = (known: Partial<RequestFeatures> | null, mix: FeatureMix): readonly FeatureName[] =>
  (Object.keys(mix) as (keyof FeatureMix)[]).filter((name) => mix[name] !== undefined && known?.[name] === undefined);

function weighted<Value extends string>(weights: Readonly<Partial<Record<Value, number>>> | undefined, unit: number): Value | undefined {
  if (weights === undefined) return undefined;
  const entries = (Object.entries(weights) as [Value, number][]).filter(([, weight]) => weight > 0);
  let left = unit * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of entries) {
    left -= weight;
    if (left < 0) return value;
  }
  return entries.at(-1)?.[0];
}
