import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { PiecewiseSpec } from "../../simulator/core/step-time/step-time-spec.ts";
import { mean, percentile, percentOff } from "./figures.ts";
import { playRequests } from "./play-requests.ts";
import type { PlayedRequest, SpeedChange } from "./play-requests.ts";
import { PlanChains } from "./recorded-server-run.ts";
import type { ClientAnswer, ServerRun } from "./recorded-server-run.ts";
import type { FrontEndCost, ServerFit } from "./server-fit.ts";

/** Percent that is allowed. */
export const limits = { "E2E mean": 5, "TPOT mean": 5, "TTFT mean": 8, "TTFT p95": 12 } as const;
export type FigureName = keyof typeof limits;
export const figureNames = Object.keys(limits) as FigureName[];
/** Percent off what the clients measured. */
export type Off = Readonly<Record<FigureName, number>>;

/** The run's requests through the simulated server, its steps `factor` times as long from each instant on, against what its clients saw. */
export function playServerRun(run: ServerRun, fit: ServerFit, speeds: readonly SpeedChange[]): Off {
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
