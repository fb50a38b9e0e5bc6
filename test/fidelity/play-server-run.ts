import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { PiecewiseSpec } from "../../simulator/core/step-time/step-time-spec.ts";
import { mean, percentile, percentOff } from "./figures.ts";
import { playRequests } from "./play-requests.ts";
import type { PlayedRequest, SpeedChange } from "./play-requests.ts";
import { PlanChains } from "./recorded-server-run.ts";
import type { ServerRun } from "./recorded-server-run.ts";
import type { FrontEndCost, ServerFit } from "./server-fit.ts";

/** Percent that is allowed. */
export const limits = { "E2E mean": 5, "TPOT mean": 5, "TTFT mean": 8, "TTFT p95": 12 } as const;
export type FigureName = keyof typeof limits;
export const figureNames = Object.keys(limits) as FigureName[];
/** Percent off what the clients measured. */
export type Off = Readonly<Record<FigureName, number>>;

/** A machine whose steps are `factor` times as long from each instant on, and that wanders around that by the seed; null: it does not. */
export type PlayServer = (speeds: readonly SpeedChange[], seed: number | null) => Off;

/** The run's requests through the simulated server against what its clients saw, as often as there are machines to try. */
export function serverPlayer(run: ServerRun, fit: ServerFit): PlayServer {
  const requests = requestsOf(run, fit);
  const answered = run.answers.map((answer, index) => ({ ...answer, index })).filter(({ first_us, end_us }) => first_us > 0 && end_us > 0);
  const several = answered.filter(({ out }) => out > 1);
  const tpotOf = ({ first_us, end_us, out }: Seen): number => (end_us - first_us) / (out - 1);
  const [steady, wandering] = [specOf(run, fit, false), specOf(run, fit, true)];
  const firsts = answered.map(({ first_us }) => first_us);
  const real = { end: mean(answered.map(({ end_us }) => end_us)), tpot: mean(several.map(tpotOf)), first: mean(firsts), firstP95: percentile(firsts, 0.95) };
  return (speeds, seed) => {
    const times = playRequests(seed === null ? steady : wandering, requests, speeds, seed ?? 1);
    const seenOf = ({ index, sent, out }: { readonly index: number; readonly sent: number; readonly out: number }): Seen => ({
      first_us: backAt(fit.first, times.first[index], times.besideFirst[index]) - sent * 1e6,
      end_us: backAt(fit.end, times.end[index], times.besideEnd[index]) - sent * 1e6,
      out,
    });
    const ours = answered.map(seenOf);
    const ourFirsts = ours.map(({ first_us }) => first_us);
    return {
      "E2E mean": percentOff(real.end, mean(ours.map(({ end_us }) => end_us))),
      "TPOT mean": percentOff(real.tpot, mean(ours.filter(({ out }) => out > 1).map(tpotOf))),
      "TTFT mean": percentOff(real.first, mean(ourFirsts)),
      "TTFT p95": percentOff(real.firstP95, percentile(ourFirsts, 0.95)),
    };
  };
}

/** Microseconds after it was sent. */
interface Seen {
  readonly first_us: number;
  readonly end_us: number;
  readonly out: number;
}

const backAt = (cost: FrontEndCost, at: number | undefined, beside: number | undefined): number => (at ?? NaN) + cost.us + cost.perUnitUs * (beside ?? 0);

/** As they come to the engine, through the modelled front end. */
function requestsOf(run: ServerRun, { before }: ServerFit): PlayedRequest[] {
  const chains = new PlanChains();
  const planned = new Map(run.plan.map((request) => [request.i, request]));
  return run.answers.map((answer) => {
    const plan = planned.get(answer.i);
    const inputTokens = plan?.in ?? 1;
    return {
      at: Math.round(answer.sent * 1e6 + before.us + before.perUnitUs * inputTokens),
      inputTokens,
      outputTokens: plan?.out ?? 1,
      blocks: plan === undefined ? null : chains.chainOf(plan, run.config.block_size),
    };
  });
}

function specOf(run: ServerRun, { coefficients, wander }: ServerFit, wanders: boolean): EngineSpec {
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
    options: {
      prefixCaching: run.config.prefix_caching,
      asyncScheduling: run.asynchronous,
      scheduling: { perStepUs: 0, perSequenceUs: 0 },
      wander: wanders ? wander : null,
    },
    stepTime,
  };
}
