import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { StepTimeSpec } from "../../simulator/core/step-time/step-time-spec.ts";
import { engineProfiles, findProfile } from "../../simulator/scenario/engine-profile.ts";
import { mean, percentile, percentOff } from "./figures.ts";
import type { Figure } from "./figures.ts";
import { playRequests } from "./play-requests.ts";
import type { EngineRun, EngineRunRequest } from "./recorded-engine-run.ts";

export interface Judgement {
  readonly name: string;
  readonly fittedOn: string;
  readonly figures: readonly Figure[];
}

type Times = { readonly first: number; readonly end: number };

/**
 * A run on a GPU with the step times of that GPU's profile, its constants from kernels measured apart. Two numbers, the scale and the time per step, are fitted on
 * the first third of the requests: those that were queued first.
 */
export function judgeEngineRun(run: EngineRun): Judgement {
  const model = run.model.split("/").at(-1) ?? run.model;
  const match = findProfile(engineProfiles(), run.gpu.replace("NVIDIA GeForce ", "").replace("NVIDIA ", ""), model, run.tensorParallel);
  if (match === null) throw new Error("no engine profiles");
  const third = Math.ceil(run.requests.length / 3);
  const fit = fitTwo(run, match.profile.stepTime, third);
  const simulated = simulate(run, adjusted(match.profile.stepTime, fit.scale, fit.perStepUs));
  const said = match.exact ? match.profile.name : `${match.profile.name}, the nearest (+-${match.errorPercent} %)`;
  return {
    name: run.name,
    fittedOn: `step times of ${said}; scale ${fit.scale.toFixed(3)} and ${fit.perStepUs} us per step fitted on the E2E of the first ${third} of ${run.requests.length} requests`,
    figures: figuresOf(run.requests, simulated),
  };
}

function fitTwo(run: EngineRun, stepTime: StepTimeSpec, third: number): { scale: number; perStepUs: number } {
  let best = { scale: 1, perStepUs: 0, error: Infinity };
  for (const perStepUs of [0, 150, 300, 600]) {
    for (let scale = 0.94; scale < 1.065; scale += 0.01) {
      const simulated = simulate(run, adjusted(stepTime, scale, perStepUs));
      const error = run.requests
        .slice(0, third)
        .reduce((sum, request, index) => sum + Math.abs((simulated[index]?.end ?? 0) - (request.lastToken - request.queued)), 0);
      if (error < best.error) best = { scale, perStepUs, error };
    }
  }
  return best;
}

function adjusted(spec: StepTimeSpec, scale: number, perStepUs: number): StepTimeSpec {
  return spec.kind === "piecewise" || spec.kind === "operator-table" ? { ...spec, scale: spec.scale * scale, perStepUs } : spec;
}

/** Seconds after it was queued. */
function simulate(run: EngineRun, stepTime: StepTimeSpec): Times[] {
  const start = run.requests[0]?.queued ?? 0;
  const spec: EngineSpec = {
    blockTokens: run.blockTokens,
    blocks: run.blocks,
    sequencesMax: run.sequencesMax,
    batchedTokensMax: run.batchedTokensMax,
    modelTokensMax: run.modelTokensMax,
    stepTime,
    options: { prefixCaching: run.prefixCaching },
  };
  const requests = run.requests.map((request) => ({
    at: Math.round((request.queued - start) * 1e6),
    inputTokens: request.inputTokens,
    outputTokens: request.outputTokens,
    blocks: request.chain.length === 0 ? null : request.chain,
  }));
  const { first, end } = playRequests(spec, requests);
  return requests.map(({ at }, index) => ({ first: ((first[index] ?? 0) - at) / 1e6, end: ((end[index] ?? 0) - at) / 1e6 }));
}

function figuresOf(requests: readonly EngineRunRequest[], simulated: readonly Times[]): Figure[] {
  const real = requests.map(({ queued, firstToken, lastToken }): Times => ({ first: firstToken - queued, end: lastToken - queued }));
  const tpot = (times: readonly Times[]): number[] =>
    times.map(({ first, end }, index) => (end - first) / Math.max(1, (requests[index]?.outputTokens ?? 2) - 1));
  const ends = (times: readonly Times[]): number[] => times.map(({ end }) => end);
  const firsts = (times: readonly Times[]): number[] => times.map(({ first }) => first);
  const soon = requests.map(({ queued, scheduled }) => scheduled - queued < 1);
  const onlySoon = (times: readonly Times[]): number[] => firsts(times).filter((_, index) => soon[index]);
  const start = requests[0]?.queued ?? 0;
  const span = (times: readonly Times[]): number => Math.max(...times.map(({ end }, index) => (requests[index]?.queued ?? 0) - start + end));
  return [
    { name: "throughput", off: -percentOff(span(real), span(simulated)), limit: 1 },
    { name: "TPOT mean", off: percentOff(mean(tpot(real)), mean(tpot(simulated))), limit: 1 },
    { name: "TPOT p95", off: percentOff(percentile(tpot(real), 0.95), percentile(tpot(simulated), 0.95)), limit: 2 },
    { name: "E2E mean", off: percentOff(mean(ends(real)), mean(ends(simulated))), limit: 1 },
    { name: "E2E p95", off: percentOff(percentile(ends(real), 0.95), percentile(ends(simulated), 0.95)), limit: 2 },
    { name: "TTFT mean (mostly queueing)", off: percentOff(mean(firsts(real)), mean(firsts(simulated))), limit: null },
    {
      name: `TTFT mean of the ${soon.filter(Boolean).length} that waited less than 1 s`,
      off: percentOff(mean(onlySoon(real)), mean(onlySoon(simulated))),
      limit: null,
    },
  ];
}
