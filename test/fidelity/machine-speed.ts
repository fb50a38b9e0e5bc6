import type { SpeedChange } from "./play-requests.ts";
import { predicted, sum } from "./server-fit.ts";
import type { TimedStep } from "./server-fit.ts";

/*
 * How fast the machine was in a run: its steps' durations over those that the model gives for the same steps. Taken from the engine's own clock, never from what the client saw.
 */

/** Each step counts by the requests that it kept. */
export function meanScale(steps: readonly TimedStep[], coefficients: readonly number[]): number {
  const real = sum(steps.map(({ us, felt }) => us * felt));
  return real / sum(steps.map(({ features, felt }) => predicted(coefficients, features) * felt));
}

/** As it was, window by window. */
export function followedSpeeds(steps: readonly TimedStep[], coefficients: readonly number[], seconds: number): SpeedChange[] {
  return scalesBy(steps, coefficients, seconds).map((factor, place) => ({ at: Math.round(place * seconds * 1e6), factor }));
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
