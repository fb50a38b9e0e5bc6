import { fitWander } from "../../simulator/calibrate/fit-wander.ts";
import type { SeenStep } from "../../simulator/calibrate/fit-wander.ts";
import { nonNegativeFit } from "../../simulator/calibrate/fit.ts";
import type { WanderSpec } from "../../simulator/core/step-time/wandering-speed.ts";
import { mean } from "./figures.ts";
import type { EngineStep, ServerRun } from "./recorded-server-run.ts";

/**
 * What recorded runs tell of their machine. Steps: us = sum(coefficient x feature). Front end: a prompt is on its way to the engine for `before` (constant, and per
 * token of tokenising it), the first and the last token on their way back for `first` and `end` (constant, and per sequence of the step, since the API server sends them one by one).
 */
export interface ServerFit {
  readonly coefficients: readonly number[];
  /** Of the steps around those of their run at one speed; null: too few steps were seen. */
  readonly wander: WanderSpec | null;
  readonly before: FrontEndCost;
  readonly first: FrontEndCost;
  readonly end: FrontEndCost;
}

/** Microseconds. */
export interface FrontEndCost {
  readonly us: number;
  readonly perUnitUs: number;
}

export interface TimedStep {
  /** Seconds. */
  readonly at: number;
  readonly us: number;
  /** Per step, prefill token, prefill, decode, token of decode context, unit of chunk attention, token of prefill past. */
  readonly features: readonly number[];
  /** Requests that this step keeps waiting or running. */
  readonly felt: number;
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const predicted = (coefficients: readonly number[], features: readonly number[]): number =>
  sum(features.map((feature, place) => feature * (coefficients[place] ?? 0)));

/** Runs to learn step times from, and those to learn the front end from. */
export interface FitSources {
  readonly steps: readonly ServerRun[];
  readonly frontEnd: readonly ServerRun[];
  /** In words. */
  readonly said: string;
}

/**
 * For the run to be judged: never itself, nor one of its name. Step times from runs of the same scheduling mode where there are some (synchronous steps contain
 * what asynchronous ones hide), the front end from all; with no other run at all, from its own first third.
 */
export function sourcesFor(run: ServerRun, known: readonly ServerRun[]): FitSources {
  const others = known.filter(({ name }) => name !== run.name);
  if (others.length === 0) {
    const third = firstThird(run);
    return { steps: [third], frontEnd: [third], said: "step times and front end from its own first third, as there is no other run" };
  }
  const same = others.filter(({ asynchronous }) => asynchronous === run.asynchronous);
  const steps = same.length > 0 ? same : others;
  const namesOf = (runs: readonly ServerRun[]): string => runs.map(({ name }) => name).join(", ");
  return { steps, frontEnd: others, said: `step times from ${namesOf(steps)}; front end from ${namesOf(others)}` };
}

function firstThird(run: ServerRun): ServerRun {
  const steps = run.steps.slice(0, Math.ceil(run.steps.length / 3));
  const until = steps.at(-1)?.t3 ?? 0;
  const answers = run.answers.filter(({ sent, end_us }) => sent + end_us / 1e6 <= until);
  return { ...run, steps, answers, adds: run.adds.filter(({ t }) => t <= until) };
}

export function fitServer({ steps, frontEnd }: FitSources): ServerFit {
  const returns = frontEnd.flatMap(returnsOf);
  const timed = steps.map(timedSteps);
  const coefficients = fitSteps(timed);
  return {
    coefficients,
    wander: fitWander(timed.map((run) => seenSteps(run, coefficients))),
    before: fitBefore(frontEnd),
    first: fitReturns(returns.map(({ first }) => first)),
    end: fitReturns(returns.map(({ end }) => end)),
  };
}

/** From the end of the step before, or from its own beginning where the engine was idle. */
export function timedSteps(run: ServerRun): TimedStep[] {
  return run.steps.map((step, place) => {
    const last = run.steps[place - 1]?.t3 ?? -Infinity;
    const start = step.t0 - last < 0.002 ? last : step.t0;
    return { at: step.t0, us: (step.t3 - start) * 1e6, features: featuresOf(step), felt: step.run + step.wait };
  });
}

export const seenSteps = (steps: readonly TimedStep[], coefficients: readonly number[]): SeenStep[] =>
  steps.map(({ at, us, features }) => ({ at, us, modelledUs: predicted(coefficients, features) }));

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

function fitSteps(runs: readonly (readonly TimedStep[])[]): number[] {
  const all = runs.flat();
  return nonNegativeFit(
    all.map(({ features }) => features),
    all.map(({ us }) => us),
    all.map(({ us }) => 1 / Math.sqrt(us)),
  );
}

/** A line through two points: the short and the long prompts, each with the delay that, with the recorded steps, brings them to the engine as late as they came. */
function fitBefore(runs: readonly ServerRun[]): FrontEndCost {
  const taken = runs.flatMap(takenOf).toSorted((one, other) => one.prompt - other.prompt);
  const half = taken.length >> 1;
  const [short, long] = [taken.slice(0, half), taken.slice(half)];
  const [from, to] = [mean(short.map(({ prompt }) => prompt)), mean(long.map(({ prompt }) => prompt))];
  const perUnitUs = Math.max(0, (delayOf(long) - delayOf(short)) / (to - from));
  return { us: Math.max(0, delayOf(taken) - perUnitUs * mean(taken.map(({ prompt }) => prompt))), perUnitUs };
}

interface Taken {
  readonly run: ServerRun;
  readonly prompt: number;
  /** Seconds: by the client, and into the engine. */
  readonly sent: number;
  readonly added: number;
}

function takenOf(run: ServerRun): Taken[] {
  const sent = new Map(run.answers.map((answer) => [answer.i, answer.sent]));
  return run.adds.flatMap(({ r, t, p }) => {
    const from = sent.get(r);
    return from === undefined ? [] : [{ run, prompt: p, sent: from, added: t }];
  });
}

/** Microseconds. A busy engine takes requests between steps, which the simulated one does too: that wait is not the front end's. */
function delayOf(taken: readonly Taken[]): number {
  const real = mean(taken.map(({ sent, added }) => added - sent));
  let [low, high] = [0, 0.1];
  while (high - low > 1e-5) {
    const middle = (low + high) / 2;
    if (mean(taken.map(({ run, sent }) => takenAt(run, sent + middle) - sent)) < real) low = middle;
    else high = middle;
  }
  return low * 1e6;
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

/** A straight line through the delays, by the sequences of the step. */
function fitReturns(returns: readonly Return[]): FrontEndCost {
  const points = returns.filter(({ us }) => us > 0);
  const [middle, level] = [mean(points.map(({ sequences }) => sequences)), mean(points.map(({ us }) => us))];
  const spread = sum(points.map(({ sequences }) => (sequences - middle) ** 2));
  const perUnitUs = Math.max(0, sum(points.map(({ sequences, us }) => (sequences - middle) * (us - level))) / Math.max(1, spread));
  return { us: Math.max(0, level - perUnitUs * middle), perUnitUs };
}

/** From the end of a step with so many sequences to the client. */
interface Return {
  readonly sequences: number;
  readonly us: number;
}

function returnsOf(run: ServerRun): { first: Return; end: Return }[] {
  const firsts = new Map<number, EngineStep>();
  const lasts = new Map<number, EngineStep>();
  for (const step of run.steps) {
    for (const [request, tokens, computed, prompt] of step.reqs) {
      lasts.set(request, step);
      if (computed + tokens >= prompt && !firsts.has(request)) firsts.set(request, step);
    }
  }
  return run.answers.flatMap(({ i, sent, first_us, end_us }) => {
    const [first, last] = [firsts.get(i), lasts.get(i)];
    if (first === undefined || last === undefined) return [];
    const since = (step: EngineStep, us: number): Return => ({ sequences: step.reqs.length, us: us - (step.t3 - sent) * 1e6 });
    return [{ first: since(first, first_us), end: since(last, end_us) }];
  });
}
