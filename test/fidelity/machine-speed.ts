import { forkRandom, nextUnit } from "../../router/core/random.ts";
import type { SpeedChange } from "./play-requests.ts";
import { predicted, sum } from "./server-fit.ts";
import type { TimedStep } from "./server-fit.ts";

/**
 * How fast the machine was in a run: its steps' durations over those that the model gives for the same steps. Taken from the engine's own clock, never from what the
 * client saw. A shared machine wanders: one number for the whole run is the mean that its requests felt; what is left is wandering, and moves queues by itself.
 */
export interface Wandering {
  /** Of the logarithm of the speed, over windows of half a second. */
  readonly deviation: number;
  /** From one window to the next. */
  readonly correlation: number;
}

const windowSeconds = 0.5;

/** Each step counts by the requests that it kept. */
export function meanScale(steps: readonly TimedStep[], coefficients: readonly number[]): number {
  const real = sum(steps.map(({ us, felt }) => us * felt));
  return real / sum(steps.map(({ features, felt }) => predicted(coefficients, features) * felt));
}

/** As it was, window by window. */
export function followedSpeeds(steps: readonly TimedStep[], coefficients: readonly number[], seconds: number): SpeedChange[] {
  return scalesBy(steps, coefficients, seconds).map((factor, place) => ({ at: Math.round(place * seconds * 1e6), factor }));
}

export function wanderingOf(steps: readonly TimedStep[], coefficients: readonly number[]): Wandering {
  const logs = scalesBy(steps, coefficients, windowSeconds).map((scale) => Math.log(scale));
  const middle = sum(logs) / logs.length;
  const away = logs.map((value) => value - middle);
  const variance = sum(away.map((value) => value ** 2)) / away.length;
  const together = sum(away.slice(1).map((value, place) => value * (away[place] ?? 0))) / (away.length - 1);
  return { deviation: Math.sqrt(variance), correlation: Math.min(0.99, Math.max(0, together / variance)) };
}

/** Another run of the same machine: the same mean speed, wandering as much, elsewhere. */
export function drawnSpeeds(scale: number, { deviation, correlation }: Wandering, seconds: number, seed: number): SpeedChange[] {
  const random = forkRandom(seed, "machine-speed");
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - nextUnit(random))) * Math.cos(2 * Math.PI * nextUnit(random));
  let log = deviation * normal();
  return Array.from({ length: Math.ceil(seconds / windowSeconds) }, (_, place) => {
    log = correlation * log + Math.sqrt(1 - correlation ** 2) * deviation * normal();
    return { at: Math.round(place * windowSeconds * 1e6), factor: scale * Math.exp(log - deviation ** 2 / 2) };
  });
}

/** A window without steps has the speed of the whole run. */
function scalesBy(steps: readonly TimedStep[], coefficients: readonly number[], seconds: number): number[] {
  const windows = Math.floor((steps.at(-1)?.at ?? 0) / seconds) + 1;
  const real = new Float64Array(windows);
  const model = new Float64Array(windows);
  for (const { at, us, features } of steps) {
    const place = Math.max(0, Math.floor(at / seconds));
    real[place] = (real[place] ?? 0) + us;
    model[place] = (model[place] ?? 0) + predicted(coefficients, features);
  }
  const whole = sum([...real]) / sum([...model]);
  return Array.from(real, (us, place) => (us > 0 ? us / (model[place] ?? 1) : whole));
}
