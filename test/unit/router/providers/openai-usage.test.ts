import { expect, test } from "vitest";
import { readUsage } from "../../../../router/providers/openai-compatible/usage.ts";

test("what was written to the cache is told under OpenAI's name, or vLLM's", () => {
  const usage = (details: object): unknown => readUsage({ prompt_tokens: 30, completion_tokens: 4, prompt_tokens_details: details });
  expect(usage({ cached_tokens: 10, cache_write_tokens: 12 })).toMatchObject({ input: 30, cachedRead: 10, cacheWrite: 12, output: 4 });
  expect(usage({ created_cache_tokens: 7 })).toMatchObject({ cachedRead: 0, cacheWrite: 7 });
  expect(usage({ cache_write_tokens: null, created_cache_tokens: 7 })).toMatchObject({ cacheWrite: 7 });
});
