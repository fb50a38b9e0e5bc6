/** Four bytes of a request are about a token; the bound keeps inline images from looking like books. */
const bytesPerToken = 4;
const tokensMax = 10_000_000;

export function estimateTokens(bytes: number): number {
  return Math.min(Math.max(1, Math.ceil(bytes / bytesPerToken)), tokensMax);
}
