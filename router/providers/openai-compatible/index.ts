import { openCredential } from "../credential.ts";
import { makeAdapter } from "../make-adapter.ts";
import type { Dialect, Target } from "../provider-adapter.ts";
import type { ProviderFormat } from "../provider-format.ts";
import { readFailure } from "./failure.ts";
import { type ChatFlavour, writeChatRequest } from "./request.ts";
import { readChatAnswer } from "./response.ts";
import { ChatEventReader } from "./stream.ts";

/** Where OpenAI has its endpoints, below `/v1`. */
export const openAiPaths: Readonly<Record<Exclude<Dialect, "openai-other" | "anthropic-messages"> | "translated", string>> = {
  "openai-chat": "chat/completions",
  "openai-completions": "completions",
  "openai-embeddings": "embeddings",
  "openai-responses": "responses",
  translated: "chat/completions",
};

/** What OpenAI's own API and all that are compatible have in common. */
export function openAiFormat(name: string, speaks: readonly Dialect[], flavour: ChatFlavour): ProviderFormat {
  return {
    name,
    speaks: new Set(speaks),
    path: (dialect, target, _stream, passed) => openAiPath(dialect, target, passed),
    headers: [],
    writeRequest: (request, target) => writeChatRequest(request, target.model, flavour),
    readAnswer: readChatAnswer,
    openReader: () => new ChatEventReader(),
    readFailure,
    authorise: (credential, target) => {
      const key = openCredential(credential, target.origin);
      return key === null ? null : ["authorization", `Bearer ${key}`];
    },
  };
}

function openAiPath(dialect: Dialect | "translated", { basePath }: Target, passed: string): string {
  if (dialect === "openai-other") return `${basePath}${passed}`;
  if (dialect === "anthropic-messages") throw new Error("assertion: it does not speak it");
  return `${basePath}/v1/${openAiPaths[dialect]}`;
}

/** vLLM and every server that is compatible. Their responses endpoints keep no state, so responses are translated to chat completions. */
export const openAiCompatible = makeAdapter(
  openAiFormat("openai-compatible", ["openai-chat", "openai-completions", "openai-embeddings", "openai-other"], {
    capField: "max_tokens",
    takesTopK: true,
  }),
);
