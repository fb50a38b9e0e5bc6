import { assert } from "../../../router/core/assert.ts";
import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import { createStepTime } from "../step-time/create-step-time.ts";
import { draftTimer } from "../step-time/draft-time.ts";
import { hidesScheduling, ScheduledStepTime } from "../step-time/scheduled-step-time.ts";
import { WanderingSpeed } from "../step-time/wandering-speed.ts";
import { DataParallelEngine } from "./data-parallel-engine.ts";
import { DisaggregatedEngine } from "./disaggregated-engine.ts";
import { engineDefaults } from "./engine-spec.ts";
import type { EngineOptions, EngineSpec } from "./engine-spec.ts";
import type { EngineModel, StepTimeModel } from "./engine.ts";
import { FastEngine } from "./fast/fast-engine.ts";
import { EngineBench } from "./fast/workbench.ts";
import { PlainEngine } from "./plain/plain-engine.ts";
import type { PlainEngineOptions } from "./plain/plain-engine.ts";
import type { Acceptance } from "./plain/plain-scheduler.ts";

const draftPurpose = purposeOf("engine-draft-accepted");

export interface EngineBuild {
  readonly detail: "first-token" | "tokens";
  /** Of the draws which drafts are accepted, and of how the machine's speed wanders. */
  readonly seed?: number;
  /** Which machine: each wanders by itself. */
  readonly index?: number;
}

export type EngineMaker = (options: EngineBuild) => EngineModel;

/**
 * One vLLM replica. Who carries it out: the fast form, unless it is asked for speculation, pipeline stages or static batching, which the plain form alone knows; data-parallel ranks
 * in lockstep and the two kinds of disaggregated engines are plain too, dense ranks are engines of either form. `detail` "first-token" says only when the first token of a sequence comes and when it ends, and skips what lies between.
 * A pool smaller than one whole sequence is refused, as vLLM refuses to start: such a sequence would preempt itself for ever.
 */
export function createEngine(spec: EngineSpec, options: EngineBuild): EngineModel {
  return engineMaker(spec)(options);
}

/** For many of them: rules, step times and the workbench are the same object in all, or hundreds of copies would drive each other out of the cache. */
export function engineMaker(spec: EngineSpec): EngineMaker {
  const { dataParallel, disaggregation } = optionsOf(spec);
  assert(spec.blocks >= Math.ceil(spec.modelTokensMax / spec.blockTokens) + 1, "the KV pool holds at least one sequence of modelTokensMax and the null block");
  assert(disaggregation === null || dataParallel === null, "disaggregated engines have no data-parallel ranks");
  if (disaggregation !== null) return (options) => new DisaggregatedEngine(disaggregation, (part, kvWanted) => plainEngine(spec, options, { part, kvWanted }));
  const makeRank = rankMaker(spec);
  if (dataParallel === null || dataParallel.ranks === 1) return (options) => makeRank(options, 0);
  if (dataParallel.lockstep) return (options) => plainEngine(spec, options, { lockstepRanks: dataParallel.ranks });
  return (options) => new DataParallelEngine(dataParallel.ranks, (rank) => makeRank(options, rank));
}

function rankMaker(spec: EngineSpec): (options: EngineBuild, part: number) => EngineModel {
  const chosen = optionsOf(spec);
  const { speculation, pipelineStages, batching } = chosen;
  if (speculation !== null || pipelineStages > 1 || batching === "static") return (options, part) => createPlainEngine(spec, options, part);
  const rules = { ...spec, ...chosen };
  const bare = createStepTime(spec.stepTime);
  const stepTime = chosen.asyncScheduling && hidesScheduling(spec.stepTime, chosen.scheduling) ? bare : scheduled(bare, chosen);
  const benches = new Map<EngineBuild["detail"], EngineBench>();
  const benchOf = (detail: EngineBuild["detail"]): EngineBench => {
    const bench = benches.get(detail) ?? new EngineBench(rules, stepTime, detail);
    benches.set(detail, bench);
    return bench;
  };
  return (options, part) => new FastEngine(benchOf(options.detail), wanderingOf(chosen, options, part));
}

/** One rank in the form that walks over every sequence in every step: for what the fast form does not know, and to judge it by. */
export function createPlainEngine(spec: EngineSpec, options: EngineBuild, part = 0): EngineModel {
  return plainEngine(spec, options, { part });
}

interface PlainPart {
  readonly lockstepRanks?: number;
  readonly kvWanted?: PlainEngineOptions["kvWanted"] | undefined;
  /** Of engines that are several: which one. */
  readonly part?: number;
}

function plainEngine(spec: EngineSpec, options: EngineBuild, { lockstepRanks = 1, part = 0, kvWanted }: PlainPart): PlainEngine {
  const chosen = optionsOf(spec);
  const batchedTokensMax = chosen.batching === "static" ? spec.sequencesMax * spec.modelTokensMax : spec.batchedTokensMax;
  const stepTime = createStepTime(spec.stepTime);
  return new PlainEngine({
    rules: { ...spec, ...chosen, batchedTokensMax },
    stepTime: scheduled(stepTime, chosen),
    draftTime: draftTimer(stepTime, chosen.speculation),
    detail: options.detail,
    acceptance: acceptanceOf(chosen, options.seed ?? 1),
    lockstepRanks,
    wandering: wanderingOf(chosen, options, part),
    ...(kvWanted === undefined ? {} : { kvWanted }),
  });
}

function optionsOf(spec: EngineSpec): EngineOptions {
  const chosen: EngineOptions = { ...engineDefaults, ...spec.options };
  return chosen.batching === "static" ? { ...chosen, asyncScheduling: false, prefixCaching: false, longPrefillTokensMax: 0 } : chosen;
}

const scheduled = (stepTime: StepTimeModel, { scheduling, asyncScheduling }: EngineOptions): StepTimeModel =>
  new ScheduledStepTime(stepTime, scheduling, asyncScheduling);

const wanderingOf = ({ wander }: EngineOptions, { seed = 1, index = 0 }: EngineBuild, part: number): WanderingSpeed | null =>
  wander === null ? null : new WanderingSpeed(wander, seed, `${index}.${part}`);

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
