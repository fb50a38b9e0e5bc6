import { openAiCompatible } from "./openai-compatible/index.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";

/** One line per provider. */
const adapters: Readonly<Record<string, ProviderAdapter>> = {
  vllm: openAiCompatible,
  "openai-compatible": openAiCompatible,
};

export function adapterFor(provider: string): ProviderAdapter {
  const adapter = adapters[provider];
  if (adapter === undefined) throw new Error(`assertion: no adapter for the provider ${provider}`);
  return adapter;
}
