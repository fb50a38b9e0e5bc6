/** Steps of at most `max` tokens run as recorded CUDA graphs, made for these sizes: 1, 2, 4, then every 8 up to 256, then every 16 (vLLM's default capture sizes). */
export function paddedTokens(tokens: number, max: number): number {
  if (tokens > max) return tokens;
  if (tokens <= 2) return tokens;
  if (tokens <= 4) return 4;
  const step = tokens <= 256 ? 8 : 16;
  return Math.ceil(tokens / step) * step;
}
