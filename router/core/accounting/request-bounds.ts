/**
 * What one request can have at most: what callers and providers say beyond it is not believed. Prices that would bring so much out of the whole numbers (2^53 pico-dollars,
 * 9,007 dollars) are refused with the configuration, so that no request's cost ever leaves them.
 */
export const tokensMax = 10_000_000;
export const picturesMax = 10_000;
