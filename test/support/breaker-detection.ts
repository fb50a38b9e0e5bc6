/**
 * How soon a policy finds out that an endpoint fails, and how often it takes a healthy one for failing. Outcomes come one by one at Poisson instants; before the
 * change the endpoint fails with `normalRate`, from second 0 on with another rate. Our breaker starts with nothing remembered, which is its worst case; window policies have seen two
 * minutes of normal traffic, as in service. The compared policies are rebuilt from what their sources say (design notes on the field), each with its defaults.
 */
import type { BreakerSpec } from "../../router/core/compiled-config.ts";
import { breakerEnds, breakerStarts, closedBreaker } from "../../router/core/health/breaker.ts";
import { failureRateSpec } from "../../router/core/health/failure-rate.ts";
import { forkRandom, nextUnit, type RandomState } from "../../router/core/random.ts";
import { seconds } from "../../router/core/time.ts";

export const normalRate = 0.05;

/** True: the endpoint is taken out at this outcome. */
export type Detector = (failed: boolean, atSeconds: number) => boolean;
export interface DetectorKind {
  readonly name: string;
  readonly warmUpSeconds: number;
  readonly make: () => Detector;
}

export const defaultBreaker: BreakerSpec = {
  enabled: true,
  failures: 5,
  open: seconds(60),
  probes: 3,
  probesAtOnce: 1,
  shared: false,
  growthPercent: 200,
  openMax: seconds(600),
  stable: seconds(600),
  rate: failureRateSpec(normalRate, 0.2, seconds(1800), 5),
};

export const headgate: DetectorKind = { name: "Headgate (defaults)", warmUpSeconds: 0, make: () => breakerDetector(defaultBreaker) };

export const compared: readonly DetectorKind[] = [
  { name: "5 in a row", warmUpSeconds: 0, make: () => breakerDetector({ ...defaultBreaker, rate: null }) },
  { name: "10 in a row (SMG)", warmUpSeconds: 0, make: () => breakerDetector({ ...defaultBreaker, rate: null, failures: 10 }) },
  { name: "more than 3 in 5 s (LiteLLM allowed_fails)", warmUpSeconds: 120, make: failuresInWindow },
  { name: "more than half of >= 5 in a minute (LiteLLM)", warmUpSeconds: 120, make: halfOfTheMinute },
  { name: "10 % of >= 20 in 60 s, looked at every 5 s (Helicone)", warmUpSeconds: 120, make: ratioInWindow },
];

function breakerDetector(spec: BreakerSpec): Detector {
  const breaker = closedBreaker(spec);
  return (failed, at) => {
    const ticket = { breakerEpoch: breakerStarts(breaker), probeCredited: false };
    breakerEnds(breaker, spec, ticket, failed ? "failure" : "success", seconds(at) as number as never);
    return breaker.phase === "open";
  };
}

/** The count lives for 5 s from its first failure. */
function failuresInWindow(): Detector {
  let failures = 0;
  let until = 0;
  return (failed, at) => {
    if (!failed) return false;
    if (at >= until) {
      failures = 0;
      until = at + 5;
    }
    failures += 1;
    return failures > 3;
  };
}

/** Fixed minutes. */
function halfOfTheMinute(): Detector {
  let minute = -1;
  let failures = 0;
  let outcomes = 0;
  return (failed, at) => {
    if (Math.floor(at / 60) !== minute) {
      minute = Math.floor(at / 60);
      failures = 0;
      outcomes = 0;
    }
    outcomes += 1;
    if (failed) failures += 1;
    return failed && outcomes >= 5 && failures / outcomes > 0.5;
  };
}

/** Ten buckets of 6 s. */
function ratioInWindow(): Detector {
  const buckets = Array.from({ length: 10 }, () => ({ slot: -1, failures: 0, outcomes: 0 }));
  let looked = 0;
  return (failed, at) => {
    const slot = Math.floor(at / 6);
    const bucket = buckets[((slot % 10) + 10) % 10];
    if (bucket === undefined) return false;
    if (bucket.slot !== slot) Object.assign(bucket, { slot, failures: 0, outcomes: 0 });
    bucket.outcomes += 1;
    if (failed) bucket.failures += 1;
    if (Math.floor(at / 5) === looked) return false;
    looked = Math.floor(at / 5);
    let failures = 0;
    let outcomes = 0;
    for (const one of buckets)
      if (one.slot > slot - 10) {
        failures += one.failures;
        outcomes += one.outcomes;
      }
    return outcomes >= 20 && failures / outcomes > 0.1;
  };
}

export interface Detection {
  /** Mean over the trials that ended in time. */
  readonly seconds: number;
  readonly outcomes: number;
  /** Share of the trials that did. */
  readonly found: number;
}

/** @param until seconds after which a trial is given up */
export function detection(kind: DetectorKind, rate: number, perSecond: number, trials: number, until: number, seed: number): Detection {
  const random = forkRandom(seed, `${kind.name} ${rate} ${perSecond}`);
  let found = 0;
  let secondsSum = 0;
  let outcomesSum = 0;
  for (let trial = 0; trial < trials; trial += 1) {
    const ended = oneTrial(kind, rate, perSecond, until, random);
    if (ended === null) continue;
    found += 1;
    secondsSum += ended.at;
    outcomesSum += ended.outcomes;
  }
  return { seconds: secondsSum / found, outcomes: outcomesSum / found, found: found / trials };
}

function oneTrial(
  kind: DetectorKind,
  rate: number,
  perSecond: number,
  until: number,
  random: RandomState,
): { readonly at: number; readonly outcomes: number } | null {
  const hear = kind.make();
  let outcomes = 0;
  for (let at = gap(perSecond, random) - kind.warmUpSeconds; at <= until; at += gap(perSecond, random)) {
    const failed = nextUnit(random) < (at < 0 ? normalRate : rate);
    const out = hear(failed, at + kind.warmUpSeconds);
    if (at < 0) continue;
    outcomes += 1;
    if (out) return { at, outcomes };
  }
  return null;
}

const gap = (perSecond: number, random: RandomState): number => -Math.log(1 - nextUnit(random)) / perSecond;

/** Mean outcomes of a healthy endpoint until it is taken out all the same: of so many as give `alarms`, or of `outcomesMax` with less than one counted as one. */
export function outcomesPerFalseAlarm(
  kind: DetectorKind,
  perSecond: number,
  alarms: number,
  outcomesMax: number,
  seed: number,
): { readonly outcomes: number; readonly alarms: number } {
  const random = forkRandom(seed, `${kind.name} false alarms ${perSecond}`);
  let outcomes = 0;
  let raised = 0;
  let at = 0;
  let hear = kind.make();
  while (raised < alarms && outcomes < outcomesMax) {
    at += gap(perSecond, random);
    outcomes += 1;
    if (!hear(nextUnit(random) < normalRate, at)) continue;
    raised += 1;
    hear = kind.make();
  }
  return { outcomes: outcomes / Math.max(1, raised), alarms: raised };
}
