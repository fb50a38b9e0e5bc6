/**
 * Whether an endpoint fails more often than it may: a sequential test over its outcomes (Page's cumulative sum), which opens the breaker of an endpoint that still
 * answers now and then, and that no run of failures in a row would ever betray.
 *
 * Each of a few tests weighs "it fails with `normal`" against "it fails with `failing`": an outcome adds the logarithm of how much likelier the second makes it
 * (micro-nats, whole numbers), and the sum never falls below zero. The first sum to reach `threshold` raises the alarm. By Lorden's bound each test alone raises a
 * false one at most once in e^threshold outcomes; no test with as few is quicker in the worst case (Moustakides 1986) where the rate is the one it was made for. Several rates make
 * it nearly as quick for all between. Time-bounded: a sum that has stood above zero for longer than `window` starts again; `minimum` outcomes must have entered it.
 */
import type { Duration, Instant } from "../machine.ts";
import { exp, ln } from "../numeric.ts";
import { startOfTime } from "../time.ts";

export interface FailureRateSpec {
  readonly tests: readonly RateTest[];
  /** Micro-nats. */
  readonly threshold: number;
  readonly window: Duration;
  /** Outcomes. */
  readonly minimum: number;
}

/** What one outcome adds, micro-nats. */
export interface RateTest {
  readonly failure: number;
  /** Negative. */
  readonly success: number;
}

/** By place of the test. */
export interface FailureRateState {
  readonly sums: number[];
  readonly outcomes: number[];
  readonly since: Instant[];
}

const perNat = 1_000_000;
/** One false alarm in so many outcomes of an endpoint that fails at its normal rate, or fewer. */
const outcomesPerFalseAlarm = 500_000;
const testsBetween = 3;
const failingMost = 0.8;

/** @param normal, failing shares, 0 < normal < failing < 1 */
export function failureRateSpec(normal: number, failing: number, window: Duration, minimum: number): FailureRateSpec {
  const least = logit(failing);
  const most = Math.max(least, logit(failingMost));
  const tests = Array.from({ length: most > least ? testsBetween : 1 }, (_, place) => {
    const odds = exp(least + ((most - least) * place) / (testsBetween - 1));
    const rate = odds / (1 + odds);
    return { failure: wholeNats(ln(rate / normal)), success: wholeNats(ln((1 - rate) / (1 - normal))) };
  });
  return { tests, threshold: wholeNats(ln(outcomesPerFalseAlarm)), window, minimum };
}

const logit = (share: number): number => ln(share / (1 - share));
const wholeNats = (nats: number): number => Math.floor(nats * perNat + 0.5);

export function noFailureRate(spec: FailureRateSpec | null): FailureRateState {
  const length = spec?.tests.length ?? 0;
  const zeros = (): number[] => Array.from({ length }, () => 0);
  return { sums: zeros(), outcomes: zeros(), since: Array.from({ length }, () => startOfTime) };
}

export function forgetFailureRate(state: FailureRateState): void {
  state.sums.fill(0);
  state.outcomes.fill(0);
}

/** One more outcome. True: the alarm is raised. */
export function failureRateHears(state: FailureRateState, spec: FailureRateSpec, failed: boolean, now: Instant): boolean {
  let alarm = false;
  for (let place = 0; place < spec.tests.length; place += 1) {
    const test = spec.tests[place];
    if (test === undefined) continue;
    const stale = now - (state.since[place] ?? 0) > spec.window;
    const before = stale ? 0 : (state.sums[place] ?? 0);
    const sum = Math.max(0, before + (failed ? test.failure : test.success));
    if (before === 0) {
      state.since[place] = now;
      state.outcomes[place] = 0;
    }
    state.sums[place] = sum;
    const outcomes = (state.outcomes[place] ?? 0) + 1;
    state.outcomes[place] = outcomes;
    alarm ||= sum >= spec.threshold && outcomes >= spec.minimum;
  }
  return alarm;
}
