import type { WanderSpec } from "../core/step-time/wandering-speed.ts";

/**
 * How a machine's speed wanders, from steps of known shape: the parameters of WanderingSpeed under which what the steps took, over what the model gives for them, is likeliest.
 * Seen in windows of 0.1 s, since single steps of an asynchronous engine take from each other (a late end is the next one's early start). The logarithm of a window's speed is
 * the run's mean + an Ornstein-Uhlenbeck process + scatter, whose variance falls with the steps that share the window: a Kalman filter gives the likelihood, a search by halving steps its top.
 */
export interface SeenStep {
  /** Seconds. */
  readonly at: number;
  readonly us: number;
  readonly modelledUs: number;
}

const windowSeconds = 0.1;
/** Fewer say nothing. */
const windowsMin = 50;
/** Keeps a run of equal steps from being infinitely likely. */
const leastVariance = 1e-9;

/** Each of the runs has a mean of its own. Null: too little was seen. */
export function fitWander(runs: readonly (readonly SeenStep[])[]): WanderSpec | null {
  const seen = runs.map(windowsOf);
  if (seen.reduce((count, { length }) => count + length, 0) < windowsMin) return null;
  const unlikely = (logs: readonly number[]): number => -seen.reduce((sum, windows) => sum + logLikelihood(windows, specOf(logs)), 0);
  return specOf(lowest(unlikely, [Math.log(0.1), Math.log(1), Math.log(0.1)]));
}

/** Of steps that the wandering was not fitted on: how likely they are for each window of 0.1 s, natural logarithm. */
export function likelihoodOf(steps: readonly SeenStep[], spec: WanderSpec): number {
  const windows = windowsOf(steps);
  return logLikelihood(windows, spec) / windows.length;
}

/** From the logarithms of deviation, seconds, scatter. */
function specOf([deviation = 0, seconds = 0, scatter = 0]: readonly number[]): WanderSpec {
  return {
    deviation: Math.min(1, Math.exp(deviation)),
    correlationUs: 1e6 * Math.min(60, Math.max(0.01, Math.exp(seconds))),
    scatter: Math.min(1, Math.exp(scatter)),
  };
}

interface Window {
  readonly at: number;
  readonly log: number;
  /** Of n equal steps: 1 / n. */
  readonly share: number;
}

function windowsOf(steps: readonly SeenStep[]): Window[] {
  const sums = new Map<number, { real: number; modelled: number; squares: number }>();
  for (const { at, us, modelledUs } of steps) {
    const number = Math.floor(at / windowSeconds);
    const sum = sums.get(number) ?? { real: 0, modelled: 0, squares: 0 };
    sums.set(number, { real: sum.real + us, modelled: sum.modelled + modelledUs, squares: sum.squares + modelledUs ** 2 });
  }
  return [...sums]
    .filter(([, { real, modelled }]) => real > 0 && modelled > 0)
    .toSorted(([one], [other]) => one - other)
    .map(([number, { real, modelled, squares }]) => ({ at: number * windowSeconds, log: Math.log(real / modelled), share: squares / modelled ** 2 }));
}

/** At the likeliest mean, which is the top of a parabola through any three. */
function logLikelihood(windows: readonly Window[], spec: WanderSpec): number {
  const middle = windows.reduce((sum, { log }) => sum + log, 0) / Math.max(1, windows.length);
  const step = 0.05;
  const [below, at, above] = [filtered(windows, spec, middle - step), filtered(windows, spec, middle), filtered(windows, spec, middle + step)];
  const bend = below - 2 * at + above;
  return bend < 0 ? at - (above - below) ** 2 / (8 * bend) : at;
}

function filtered(windows: readonly Window[], { deviation, correlationUs, scatter }: WanderSpec, middle: number): number {
  let [sum, wandered, variance, last] = [0, 0, deviation ** 2, -Infinity];
  for (const { at, log, share } of windows) {
    const kept = Math.exp((-1e6 * (at - last)) / correlationUs);
    wandered *= kept;
    variance = kept ** 2 * variance + (1 - kept ** 2) * deviation ** 2;
    const total = variance + scatter ** 2 * share + leastVariance;
    const off = log - middle - wandered;
    sum -= (Math.log(2 * Math.PI * total) + off ** 2 / total) / 2;
    wandered += (variance / total) * off;
    variance *= 1 - variance / total;
    last = at;
  }
  return sum;
}

/** One coordinate after the other, up or down by a step that is halved when none helps. */
function lowest(of: (point: readonly number[]) => number, from: readonly number[]): readonly number[] {
  let [point, value] = [from, of(from)];
  for (let step = 0.5; step > 0.01; step /= 2) {
    for (let isBetter = true; isBetter;) {
      isBetter = false;
      for (const [place, sign] of from.flatMap((_, at) => [[at, 1] as const, [at, -1] as const])) {
        const next = point.map((coordinate, at) => (at === place ? coordinate + sign * step : coordinate));
        const there = of(next);
        if (there >= value) continue;
        [point, value, isBetter] = [next, there, true];
      }
    }
  }
  return point;
}
