import { openCredential } from "../credential.ts";
import { makeAdapter } from "../make-adapter.ts";
import { openAiFormat, openAiPaths } from "../openai-compatible/index.ts";
import type { Dialect, Target } from "../provider-adapter.ts";

/** The last stable one of the data plane's inference API. */
const apiVersionDefault = "2024-10-21";

const openAi = openAiFormat("azure", ["openai-chat", "openai-completions", "openai-embeddings", "openai-responses", "openai-other"], {
  capField: "max_completion_tokens",
  takesTopK: false,
});

/** Azure OpenAI: a deployment in the path, a version in the query, the key in a header of its own. What has no deployment stands under `/openai/v1`. */
export const azure = makeAdapter({
  ...openAi,
  path: (dialect, target, _stream, passed) => azurePath(dialect, target, passed),
  authorise: (credential, target) => {
    const key = openCredential(credential, target.origin);
    return key === null ? null : ["api-key", key];
  },
});

function azurePath(dialect: Dialect | "translated", { basePath, model, apiVersion }: Target, passed: string): string {
  if (dialect === "openai-other") return `${basePath}/openai${passed}`;
  if (dialect === "openai-responses") return `${basePath}/openai/v1/responses`;
  if (dialect === "anthropic-messages") throw new Error("assertion: it does not speak it");
  const version = encodeURIComponent(apiVersion ?? apiVersionDefault);
  return `${basePath}/openai/deployments/${encodeURIComponent(model)}/${openAiPaths[dialect]}?api-version=${version}`;
}
