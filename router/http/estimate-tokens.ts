import { tokensMax } from "../core/accounting/request-bounds.ts";

/** Four bytes of a request are about a token; the bound keeps inline images from looking like books. */
const bytesPerToken = 4;

export function estimateTokens(bytes: number): number {
  return Math.min(Math.max(1, Math.ceil(bytes / bytesPerToken)), tokensMax);
}
