import { anthropic } from "./anthropic/index.ts";
import { azure } from "./azure/index.ts";
import { openAiCompatible } from "./openai-compatible/index.ts";
import { openAi } from "./openai/index.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";
import { vertex } from "./vertex/index.ts";

/** One line per provider. */
const adapters: Readonly<Record<string, ProviderAdapter>> = {
  vllm: openAiCompatible,
  "openai-compatible": openAiCompatible,
  openai: openAi,
  azure,
  anthropic,
  vertex,
};

export function adapterFor(provider: string): ProviderAdapter {
  const adapter = adapters[provider];
  if (adapter === undefined) throw new Error(`assertion: no adapter for the provider ${provider}`);
  return adapter;
}
