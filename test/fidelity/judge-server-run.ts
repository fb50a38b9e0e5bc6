import { meanAbsolutePercent } from "../../simulator/calibrate/fit.ts";
import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { PiecewiseSpec } from "../../simulator/core/step-time/step-time-spec.ts";
import { mean, percentile, percentOff } from "./figures.ts";
import type { Figure } from "./figures.ts";
import type { Judgement } from "./judge-engine-run.ts";
import { drawnSpeeds, followedSpeeds, meanScale, wanderingOf } from "./machine-speed.ts";
import { playRequests } from "./play-requests.ts";
import type { PlayedRequest, SpeedChange } from "./play-requests.ts";
import { PlanChains } from "./recorded-server-run.ts";
import type { ClientAnswer, ServerRun } from "./recorded-server-run.ts";
import { fitServer, predicted, timedSteps } from "./server-fit.ts";
import type { FitSources, FrontEndCost, ServerFit } from "./server-fit.ts";

/** Shorter than the machine's speed stays the same (2 to 3 s in the runs at hand), long enough for tens of steps. */
const followSeconds = 2;
const draws = 16;

const limits = { "E2E mean": 5, "TPOT mean": 5, "TTFT mean": 8, "TTFT p95": 12 } as const;
type FigureName = keyof typeof limits;
type Off = Readonly<Record<FigureName, number>>;

/**
 * Step times and front end from other runs, one scale from this one's recorded step durations; then its requests end to end, as their client saw them. That decides.
 * Beside each figure stands a diagnosis that decides nothing: the same with the machine's speed followed over the run, as the recorded step durations show it, and how far
 * equal runs at this mean speed would differ because the machine wanders (two standard deviations are the likely range).
 */
export function judgeServerRun(run: ServerRun, sources: FitSources): Judgement {
  const fit = fitServer(sources);
  const steps = timedSteps(run);
  const scale = meanScale(steps, fit.coefficients);
  const wandering = wanderingOf(steps, fit.coefficients);
  const seconds = (steps.at(-1)?.at ?? 0) + 60;
  const one = compare(run, fit, [{ at: 0, factor: scale }]);
  const followed = compare(run, fit, followedSpeeds(steps, fit.coefficients, followSeconds));
  const others = Array.from({ length: draws }, (_, seed) => compare(run, fit, drawnSpeeds(scale, wandering, seconds, seed)));
  const figures = (Object.keys(limits) as FigureName[]).flatMap((name) =>
    figuresOf(name, one[name], followed[name], deviation(others.map((off) => off[name]))),
  );
  const perStep = meanAbsolutePercent(steps.map(({ us, features }) => [us, scale * predicted(fit.coefficients, features)]));
  return { name: run.name, fittedOn: said(fit, sources, scale, perStep, wandering.deviation), figures };
}

export function figuresOf(name: FigureName, one: number, followed: number, spread: number): Figure[] {
  return [
    { name: `${name}, one scale`, off: one, limit: limits[name] },
    { name: `  diagnosis: speed followed (drawn spread +-${spread.toFixed(1)} %)`, off: followed, limit: null },
  ];
}

function said({ before, first, end }: ServerFit, sources: FitSources, scale: number, perStep: number, wandering: number): string {
  const ms = (us: number): string => (us / 1000).toFixed(1);
  const there = `${ms(before.us)} ms + ${before.perUnitUs.toFixed(1)} us per prompt token in`;
  const back = [first, end].map((cost) => `${ms(cost.us)} + ${ms(cost.perUnitUs)}`).join(" and ");
  return (
    `${sources.said} (${there}; first and last token out ${back} ms per sequence of the step); from this run's step durations one scale, ${scale.toFixed(3)} ` +
    `(then ${perStep.toFixed(0)} % off per step), and how the speed wanders around it (${(100 * wandering).toFixed(0)} %)`
  );
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

function compare(run: ServerRun, fit: ServerFit, speeds: readonly SpeedChange[]): Off {
  const simulated = simulate(run, fit, speeds);
  const answers = run.answers.filter(({ first_us, end_us }) => first_us > 0 && end_us > 0);
  const of = (answer: ClientAnswer): Seen => simulated.get(answer.i) ?? { first: NaN, end: NaN };
  const several = answers.filter(({ out }) => out > 1);
  const realTpot = several.map(({ first_us, end_us, out }) => (end_us - first_us) / (out - 1));
  const ourTpot = several.map((answer) => (of(answer).end - of(answer).first) / (answer.out - 1));
  const realFirst = answers.map(({ first_us }) => first_us);
  const ourFirst = answers.map((answer) => of(answer).first);
  return {
    "E2E mean": percentOff(mean(answers.map(({ end_us }) => end_us)), mean(answers.map((answer) => of(answer).end))),
    "TPOT mean": percentOff(mean(realTpot), mean(ourTpot)),
    "TTFT mean": percentOff(mean(realFirst), mean(ourFirst)),
    "TTFT p95": percentOff(percentile(realFirst, 0.95), percentile(ourFirst, 0.95)),
  };
}

/** Microseconds after it was sent. */
interface Seen {
  readonly first: number;
  readonly end: number;
}

function simulate(run: ServerRun, { coefficients, before, first, end }: ServerFit, speeds: readonly SpeedChange[]): Map<number, Seen> {
  const chains = new PlanChains();
  const planned = new Map(run.plan.map((request) => [request.i, request]));
  const requests = run.answers.map((answer): PlayedRequest => {
    const plan = planned.get(answer.i);
    const inputTokens = plan?.in ?? 1;
    return {
      at: Math.round(answer.sent * 1e6 + before.us + before.perUnitUs * inputTokens),
      inputTokens,
      outputTokens: plan?.out ?? 1,
      blocks: plan === undefined ? null : chains.chainOf(plan, run.config.block_size),
    };
  });
  const times = playRequests(specOf(run, coefficients), requests, speeds);
  const seen = (cost: FrontEndCost, at: number | undefined, beside: number | undefined): number => (at ?? NaN) + cost.us + cost.perUnitUs * (beside ?? 0);
  return new Map(
    run.answers.map((answer, index) => {
      const sent = answer.sent * 1e6;
      return [
        answer.i,
        {
          first: seen(first, times.first[index], times.besideFirst[index]) - sent,
          end: seen(end, times.end[index], times.besideEnd[index]) - sent,
        },
      ];
    }),
  );
}

function specOf(run: ServerRun, coefficients: readonly number[]): EngineSpec {
  const [perStepUs = 0, perToken = 0, perPrefill = 0, perDecode = 0, perContext = 0, perAttention = 0, perPast = 0] = coefficients;
  const line = (slope: number) => ({ x: [0, 1_000_000], y: [0, 1_000_000 * slope] });
  const stepTime: PiecewiseSpec = {
    kind: "piecewise",
    scale: 1,
    gemm: line(perToken),
    // A decode is also one of the step's tokens and sequences.
    perDecodeUs: perDecode - perToken - perPrefill,
    decodeAttention: line(perContext),
    chunkAttention: line(perAttention),
    head: line(perPrefill),
    perPrefillPastUs: perPast,
    perStepUs,
    skew: 0,
    padding: 0,
    range: {},
    source: { kind: "fitted", hardware: "CPU", model: "recorded", engineVersion: "0.32.0", errorPercent: 13 },
  };
  return {
    blockTokens: run.config.block_size,
    blocks: run.config.num_gpu_blocks,
    sequencesMax: run.config.max_num_seqs,
    batchedTokensMax: run.config.max_num_scheduled_tokens,
    modelTokensMax: run.config.max_model_len,
    options: { prefixCaching: run.config.prefix_caching, asyncScheduling: run.asynchronous, scheduling: { perStepUs: 0, perSequenceUs: 0 } },
    stepTime,
  };
}
