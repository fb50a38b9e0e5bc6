/**
 * What a route's answers are expected to be long, learned from those that ended, in whole tokens.
 *
 * `mean`: moving average over about 32 answers, kept in 1/256 token. `high`: the length that one answer in ten exceeds, followed by steps of 1/64 of itself: nine up
 * where an answer was longer, one down where it was not. Until 20 answers have been seen the caller's cap stands for both.
 */
export interface OutputEstimate {
  answers: number;
  /** 1/256 token. */
  mean256: number;
  /** Tokens. */
  high: number;
}

const enough = 20;

export function noEstimate(): OutputEstimate {
  return { answers: 0, mean256: 0, high: 0 };
}

/** @param outputTokens of an answer that was given to its end */
export function learnOutput(estimate: OutputEstimate, outputTokens: number): void {
  if (estimate.answers === 0) {
    estimate.mean256 = outputTokens * 256;
    estimate.high = outputTokens;
  } else {
    estimate.mean256 += Math.trunc((outputTokens * 256 - estimate.mean256) / 32);
    const step = Math.max(1, Math.floor(estimate.high / 64));
    estimate.high = outputTokens > estimate.high ? estimate.high + 9 * step : Math.max(1, estimate.high - step);
  }
  estimate.answers = Math.min(estimate.answers + 1, 1_000_000);
}

/** Tokens to set aside for an answer: nine of ten are shorter. */
export function outputToReserve(estimate: OutputEstimate, outputTokensMax: number): number {
  return estimate.answers < enough ? outputTokensMax : Math.min(outputTokensMax, estimate.high);
}

/** Tokens an answer has on average. */
export function outputExpected(estimate: OutputEstimate, outputTokensMax: number): number {
  return estimate.answers < enough ? outputTokensMax : Math.min(outputTokensMax, Math.floor(estimate.mean256 / 256));
}
