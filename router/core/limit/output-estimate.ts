/**
 * What has to be set aside for an answer of a route, learned from those that ended, in whole tokens: the length that one answer in ten exceeds, followed by steps of
 * 1/64 of itself, nine up where an answer was longer, one down where it was not. Until 20 answers have been seen the caller's cap stands for it.
 */
export interface OutputEstimate {
  answers: number;
  /** Tokens. */
  high: number;
}

const enough = 20;

export function noEstimate(): OutputEstimate {
  return { answers: 0, high: 0 };
}

/** @param outputTokens of an answer that was given to its end */
export function learnHigh(estimate: OutputEstimate, outputTokens: number): void {
  const step = Math.max(1, Math.floor(estimate.high / 64));
  if (estimate.answers < enough) estimate.high = Math.max(estimate.high, outputTokens);
  else estimate.high = outputTokens > estimate.high ? estimate.high + 9 * step : Math.max(1, estimate.high - step);
  estimate.answers = Math.min(estimate.answers + 1, enough);
}

/** Tokens. */
export function outputToReserve({ answers, high }: OutputEstimate, outputTokensMax: number): number {
  return high < outputTokensMax && answers >= enough ? high : outputTokensMax;
}
