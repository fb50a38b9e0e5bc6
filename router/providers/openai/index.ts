import { makeAdapter } from "../make-adapter.ts";
import { openAiFormat } from "../openai-compatible/index.ts";

/** OpenAI's own API, which also has responses. */
export const openAi = makeAdapter(
  openAiFormat("openai", ["openai-chat", "openai-completions", "openai-embeddings", "openai-responses", "openai-other"], {
    capField: "max_completion_tokens",
    takesTopK: false,
  }),
);
