import { meanAbsolutePercent, nonNegativeFit } from "../../simulator/calibrate/fit.ts";
import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { PiecewiseSpec } from "../../simulator/core/step-time/step-time-spec.ts";
import { mean, percentile, percentOff } from "./figures.ts";
import type { Figure } from "./figures.ts";
import type { Judgement } from "./judge-engine-run.ts";
import { playRequests } from "./play-requests.ts";
import { PlanChains } from "./recorded-server-run.ts";
import type { ClientAnswer, EngineStep, ServerRun } from "./recorded-server-run.ts";

/** Microseconds: a step's coefficients, and what the API server adds before the engine and behind it. */
interface Fit {
  readonly coefficients: readonly number[];
  readonly before: number;
  readonly after: number;
}

/** Step times and front end from the other runs of the same mode, one scale from this one; then its requests end to end, as their client saw them. */
export function judgeServerRun(run: ServerRun, all: readonly ServerRun[]): Judgement {
  const others = all.filter((other) => other !== run && other.asynchronous === run.asynchronous);
  const sources = others.length > 0 ? others : all.filter((other) => other !== run);
  if (sources.length === 0) return { name: run.name, fittedOn: "nothing: it is the only run of its folder", figures: [] };
  const fit = fitRuns(sources);
  const timed = timedSteps(run);
  const { scale, figures } = fitScale(run, fit, timed);
  const perStep = meanAbsolutePercent(timed.map(({ us, features }) => [us, scale * predicted(fit.coefficients, features)]));
  const names = sources.map(({ name }) => name).join(", ");
  const frontEnd = `front end ${(fit.before / 1000).toFixed(1)} + ${(fit.after / 1000).toFixed(1)} ms`;
  return {
    name: run.name,
    fittedOn: `step times (${perStep.toFixed(0)} % off per step) and ${frontEnd} from ${names}; scale ${scale.toFixed(3)}, the one number fitted on this run itself`,
    figures,
  };
}

/**
 * The machine's speed in this run: near the ratio of the steps' times, and there where the figures are least far off in units of their limits. Near saturation
 * 2 % of speed are 15 % of TTFT, more than the steps' own noise can tell.
 */
function fitScale(run: ServerRun, fit: Fit, timed: ReturnType<typeof timedSteps>): { scale: number; figures: readonly Figure[] } {
  const felt = run.steps.map((step) => step.run + step.wait);
  const real = sum(timed.map(({ us }, place) => us * (felt[place] ?? 0)));
  const middle = real / sum(timed.map(({ features }, place) => predicted(fit.coefficients, features) * (felt[place] ?? 0)));
  let best: { scale: number; figures: readonly Figure[] } = { scale: middle, figures: [] };
  let least = Infinity;
  for (let percent = -5; percent <= 5; percent += 0.5) {
    const scale = middle * (1 + percent / 100);
    const figures = figuresOf(run, simulate(run, fit, scale));
    const worst = Math.max(...figures.map(({ off, limit }) => Math.abs(off) / (limit ?? Infinity)));
    if (worst < least) [least, best] = [worst, { scale, figures }];
  }
  return best;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const predicted = (coefficients: readonly number[], features: readonly number[]): number =>
  sum(features.map((feature, place) => feature * (coefficients[place] ?? 0)));

function fitRuns(runs: readonly ServerRun[]): Fit {
  const timed = runs.flatMap(timedSteps);
  const coefficients = nonNegativeFit(
    timed.map(({ features }) => features),
    timed.map(({ us }) => us),
    timed.map(({ us }) => 1 / Math.sqrt(us)),
  );
  return { coefficients, before: delayBefore(runs), after: mean(runs.flatMap(delaysAfter)) };
}

/** From the end of the step before, or from its own beginning where the engine was idle. */
function timedSteps(run: ServerRun): { features: number[]; us: number }[] {
  return run.steps.map((step, place) => {
    const last = run.steps[place - 1]?.t3 ?? -Infinity;
    const start = step.t0 - last < 0.002 ? last : step.t0;
    return { features: featuresOf(step), us: (step.t3 - start) * 1e6 };
  });
}

/** Per step, prefill token, prefill, decode, token of decode context, unit of chunk attention, token of prefill past. */
function featuresOf(step: EngineStep): number[] {
  let [prefill, prefills, context, attention, past] = [0, 0, 0, 0, 0];
  for (const [, tokens, computed] of step.reqs) {
    if (tokens === 1) context += computed + 1;
    else {
      prefill += tokens;
      prefills++;
      attention += tokens * (computed + tokens / 2);
      past += computed;
    }
  }
  return [1, prefill, prefills, step.reqs.length - prefills, context, attention, past];
}

/**
 * Client to engine: so long that, with the recorded steps, requests reach the engine as late on average as they did. A busy engine takes them between steps,
 * which the simulated one does too.
 */
function delayBefore(runs: readonly ServerRun[]): number {
  const real = mean(runs.flatMap((run) => arrivals(run, (sent, taken) => taken - sent)));
  let [low, high] = [0, 0.1];
  while (high - low > 1e-5) {
    const middle = (low + high) / 2;
    const simulated = mean(runs.flatMap((run) => arrivals(run, (sent) => takenAt(run, sent + middle) - sent)));
    if (simulated < real) low = middle;
    else high = middle;
  }
  return Math.round(low * 1e6);
}

function arrivals(run: ServerRun, of: (sent: number, taken: number) => number): number[] {
  const sent = new Map(run.answers.map((answer) => [answer.i, answer.sent]));
  return run.adds.flatMap(({ r, t }) => {
    const from = sent.get(r);
    return from === undefined ? [] : [of(from, t)];
  });
}

/** At once where no step is under way, else when the next one ends. */
function takenAt(run: ServerRun, at: number): number {
  const next = run.steps[firstEndingAfter(run.steps, at)];
  return next !== undefined && next.t0 < at ? next.t3 : at;
}

function firstEndingAfter(steps: readonly EngineStep[], at: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle]?.t3 ?? Infinity) > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The step that made the first token to its arrival at the client. */
function delaysAfter(run: ServerRun): number[] {
  const firstEnd = new Map<number, number>();
  for (const step of run.steps) {
    for (const [request, tokens, computed, prompt] of step.reqs) if (computed + tokens === prompt && !firstEnd.has(request)) firstEnd.set(request, step.t3);
  }
  return run.answers.map((answer) => answer.first_us - ((firstEnd.get(answer.i) ?? NaN) - answer.sent) * 1e6).filter((delay) => delay > 0);
}

function simulate(run: ServerRun, fit: Fit, scale: number): Map<number, { first: number; end: number }> {
  const chains = new PlanChains();
  const planned = new Map(run.plan.map((request) => [request.i, request]));
  const requests = run.answers.map((answer) => {
    const plan = planned.get(answer.i);
    return {
      at: Math.round(answer.sent * 1e6 + fit.before),
      inputTokens: plan?.in ?? 1,
      outputTokens: plan?.out ?? 1,
      blocks: plan === undefined ? null : chains.chainOf(plan, run.config.block_size),
    };
  });
  const times = playRequests(specOf(run, fit, scale), requests);
  return new Map(
    run.answers.map((answer, index) => {
      const seen = (at: number | undefined): number => (at ?? NaN) + fit.after - answer.sent * 1e6;
      return [answer.i, { first: seen(times.first[index]), end: seen(times.end[index]) }];
    }),
  );
}

function specOf(run: ServerRun, fit: Fit, scale: number): EngineSpec {
  const [perStepUs = 0, perToken = 0, perPrefill = 0, perDecode = 0, perContext = 0, perAttention = 0, perPast = 0] = fit.coefficients;
  const line = (slope: number) => ({ x: [0, 1_000_000], y: [0, 1_000_000 * slope] });
  const stepTime: PiecewiseSpec = {
    kind: "piecewise",
    scale,
    gemm: line(perToken),
    // A decode is also one of the step's tokens and sequences.
    perDecodeUs: perDecode - perToken - perPrefill,
    decodeAttention: line(perContext),
    chunkAttention: line(perAttention),
    head: line(perPrefill),
    perPrefillPastUs: perPast,
    perStepUs: perStepUs * scale,
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

function figuresOf(run: ServerRun, simulated: ReadonlyMap<number, { first: number; end: number }>): Figure[] {
  const answers = run.answers.filter(({ first_us, end_us }) => first_us > 0 && end_us > 0);
  const of = (answer: ClientAnswer): { first: number; end: number } => simulated.get(answer.i) ?? { first: NaN, end: NaN };
  const several = answers.filter(({ out }) => out > 1);
  const realTpot = several.map(({ first_us, end_us, out }) => (end_us - first_us) / (out - 1));
  const ourTpot = several.map((answer) => (of(answer).end - of(answer).first) / (answer.out - 1));
  const realFirst = answers.map(({ first_us }) => first_us);
  const ourFirst = answers.map((answer) => of(answer).first);
  return [
    { name: "E2E mean", off: percentOff(mean(answers.map(({ end_us }) => end_us)), mean(answers.map((answer) => of(answer).end))), limit: 5 },
    { name: "TPOT mean", off: percentOff(mean(realTpot), mean(ourTpot)), limit: 5 },
    { name: "TTFT mean", off: percentOff(mean(realFirst), mean(ourFirst)), limit: 8 },
    { name: "TTFT p95", off: percentOff(percentile(realFirst, 0.95), percentile(ourFirst, 0.95)), limit: 12 },
  ];
}
