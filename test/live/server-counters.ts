/** What a vLLM server counts itself. */
export interface ServerCounters {
  readonly running: number;
  readonly generated: number;
  readonly cacheQueries: number;
  readonly cacheHits: number;
}

export async function readCounters(origin: string): Promise<ServerCounters> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const valueOf = (name: string): number => {
    const found = new RegExp(`^vllm:${name}(?:\\{[^\\n]*\\})? ([^ \\n]+)$`, "m").exec(text);
    if (found === null) throw new Error(`${origin}/metrics has no vllm:${name}`);
    return Number(found[1]);
  };
  return {
    running: valueOf("num_requests_running"),
    generated: valueOf("generation_tokens_total"),
    cacheQueries: valueOf("prefix_cache_queries_total"),
    cacheHits: valueOf("prefix_cache_hits_total"),
  };
}

export interface CacheUse {
  readonly queries: number;
  readonly hits: number;
}

/** What the caches of each server did meanwhile (tokens). */
export async function cacheUseDuring(origins: readonly string[], work: () => Promise<void>): Promise<readonly CacheUse[]> {
  const before = await Promise.all(origins.map(readCounters));
  await work();
  const after = await Promise.all(origins.map(readCounters));
  return after.map(({ cacheQueries, cacheHits }, place) => ({
    queries: cacheQueries - (before[place]?.cacheQueries ?? 0),
    hits: cacheHits - (before[place]?.cacheHits ?? 0),
  }));
}

export const hitRate = (uses: readonly CacheUse[]): number => {
  const total = (of: (use: CacheUse) => number): number => uses.reduce((sum, use) => sum + of(use), 0);
  return (
    total(({ hits }) => hits) /
    Math.max(
      1,
      total(({ queries }) => queries),
    )
  );
};
