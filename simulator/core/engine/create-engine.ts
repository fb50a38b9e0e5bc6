import { assert } from "../../../router/core/assert.ts";
import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import { createStepTime } from "../step-time/create-step-time.ts";
import { ScheduledStepTime } from "../step-time/scheduled-step-time.ts";
import { engineDefaults } from "./engine-spec.ts";
import type { EngineOptions, EngineSpec } from "./engine-spec.ts";
import type { EngineModel, StepTimeModel } from "./engine.ts";
import { FastEngine } from "./fast/fast-engine.ts";
import { PlainEngine } from "./plain/plain-engine.ts";
import type { Acceptance } from "./plain/plain-scheduler.ts";

const draftPurpose = purposeOf("engine-draft-accepted");

export interface EngineBuild {
  readonly detail: "first-token" | "tokens";
  /** Of the draws which drafts are accepted. */
  readonly seed?: number;
}

/**
 * One vLLM replica. `detail` "first-token" says only when the first token of a sequence comes and when it ends, and skips what lies between.
 * A pool smaller than one whole sequence is refused, as vLLM refuses to start: such a sequence would preempt itself for ever.
 */
export function createEngine(spec: EngineSpec, options: EngineBuild): EngineModel {
  const chosen = optionsOf(spec);
  assert(spec.blocks >= Math.ceil(spec.modelTokensMax / spec.blockTokens) + 1, "the KV pool holds at least one sequence of modelTokensMax and the null block");
  const rules = { ...spec, ...chosen };
  const stepTime = stepTimeOf(spec, chosen);
  if (chosen.speculation === null && chosen.pipelineStages === 1 && chosen.batching === "continuous") return new FastEngine(rules, stepTime, options.detail);
  return createPlainEngine(spec, options);
}

/** The same engine in the form that walks over every sequence in every step: for speculation and pipeline stages, and to judge the fast form by. */
export function createPlainEngine(spec: EngineSpec, options: EngineBuild): EngineModel {
  const chosen = optionsOf(spec);
  const batchedTokensMax = chosen.batching === "static" ? spec.sequencesMax * spec.modelTokensMax : spec.batchedTokensMax;
  return new PlainEngine({
    rules: { ...spec, ...chosen, batchedTokensMax },
    stepTime: stepTimeOf(spec, chosen),
    detail: options.detail,
    acceptance: acceptanceOf(chosen, options.seed ?? 1),
  });
}

function optionsOf(spec: EngineSpec): EngineOptions {
  const chosen: EngineOptions = { ...engineDefaults, ...spec.options };
  return chosen.batching === "static" ? { ...chosen, asyncScheduling: false, prefixCaching: false, longPrefillTokensMax: 0 } : chosen;
}

const stepTimeOf = (spec: EngineSpec, { scheduling, asyncScheduling }: EngineOptions): StepTimeModel =>
  new ScheduledStepTime(createStepTime(spec.stepTime), scheduling, asyncScheduling);

/** Each draft is accepted with the same chance as long as those before it were; the draw belongs to the sequence and its place. */
function acceptanceOf(options: EngineOptions, seed: number): Acceptance {
  const { speculation } = options;
  if (speculation === null) return () => 0;
  return ({ request, drafts, padded }) => {
    let accepted = 0;
    while (!padded && accepted < drafts) {
      if (keyedUnit(seed, draftPurpose, request.arrival, request.outputs * 64 + accepted) >= speculation.acceptance) break;
      accepted++;
    }
    return accepted;
  };
}
