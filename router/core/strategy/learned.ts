/**
 * What strategies have learned, per endpoint and per route. Kept for every endpoint whatever the strategy, so that a strategy that is switched on knows the past.
 * All of it is this replica's own experience, but for the signals, which are the endpoint's word about all of its callers and carry the instant they were taken at.
 */
import type { Duration, Instant } from "../machine.ts";
import { seconds, startOfTime } from "../time.ts";

export interface LearnedEndpoint {
  /** Peak average of request to first token, streams only; microseconds. */
  readonly firstToken: PeakAverage;
  /** The same from request to end, plain answers only. */
  readonly wholeAnswer: PeakAverage;
  /** The calendar-less minute (now / 60 s) that `requests` and `tokens` belong to: started requests and their tokens, expected until known. */
  minute: number;
  requests: number;
  tokens: number;
  /** All that ever ended in success or by its own fault, its faults, first tokens, and the time they took together. */
  ended: number;
  faults: number;
  firstTokens: number;
  waitedUs: number;
  /** Of prompt tokens, 0..1: recent requests weigh most. */
  cachedShare: number;
  /** Requests of others at the last signal; 0 without one. */
  others: number;
  kvUsed: number;
  sampledAt: Instant;
}

export interface LearnedRoute {
  /** Mean output tokens of its served requests, recent ones weighing most; 0 before the first. */
  outputTokens: number;
}

/** Jumps to a sample above it at once and sinks to lower ones slowly, by the time since the last: one slow answer is noticed, one fast one is not believed. */
export interface PeakAverage {
  value: number;
  at: Instant;
  samples: number;
}

/** Time in which an old value loses half its weight. */
const peakDecay: Duration = seconds(10);
/** A signal of this age is worth half, and older than the other nothing: test/simulation/stale-signals.test.ts shows what believing them does. */
const signalHalfLife: Duration = seconds(1);
export const signalAgeMax: Duration = seconds(3);
const minuteUs = 60_000_000;

export function newLearnedEndpoint(): LearnedEndpoint {
  return {
    // What every attempt changes comes first: it lies together in memory.
    minute: -1,
    requests: 0,
    tokens: 0,
    ended: 0,
    cachedShare: 0,
    firstTokens: 0,
    waitedUs: 0,
    firstToken: { value: 0, at: startOfTime, samples: 0 },
    wholeAnswer: { value: 0, at: startOfTime, samples: 0 },
    faults: 0,
    others: 0,
    kvUsed: 0,
    sampledAt: startOfTime,
  };
}

export function newLearnedRoute(): LearnedRoute {
  return { outputTokens: 0 };
}

export function notePeak(average: PeakAverage, sample: Duration, now: Instant): void {
  const kept = peakDecay / (peakDecay + (now - average.at));
  average.value = sample >= average.value || average.samples === 0 ? sample : average.value * kept + sample * (1 - kept);
  average.at = now;
  average.samples += 1;
}

/** What it is worth now: an endpoint that nobody has asked for long is forgiven, and so is tried again. */
export function peakNow(average: PeakAverage, now: Instant): number {
  return (average.value * peakDecay) / (peakDecay + (now - average.at));
}

/** Requests of others as last signalled, worth less the older they are: what is old is the same for all to see, and draws them all to one place. */
export function othersBusy(learned: LearnedEndpoint, now: Instant): number {
  if (learned.others === 0) return 0;
  const age = now - learned.sampledAt;
  return age > signalAgeMax ? 0 : (learned.others * signalHalfLife) / (signalHalfLife + age);
}

export function minuteOf(now: Instant): number {
  return Math.floor(now / minuteUs);
}
