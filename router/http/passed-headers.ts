import type { Dialect } from "../providers/provider-adapter.ts";
import type { CallerHeaders } from "./ingress/exchange.ts";

/** W3C trace context. */
const trace = ["traceparent", "tracestate"] as const;
const openAi = [...trace, "openai-beta"] as const;
/** What of a caller's headers a provider gets. Never its keys, cookies or addresses: whatever is not listed stays here. */
const passedBy: Readonly<Record<Dialect, readonly string[]>> = {
  "openai-chat": openAi,
  "openai-completions": openAi,
  "openai-embeddings": openAi,
  "openai-responses": openAi,
  "openai-other": [...openAi, "content-type", "accept"],
  "anthropic-messages": [...trace, "anthropic-version", "anthropic-beta"],
};
const none: readonly string[] = [];

/** Name, value, name, value. */
export function passedHeaders(headers: CallerHeaders, dialect: Dialect): readonly string[] {
  let passed: string[] | null = null;
  for (const name of passedBy[dialect]) {
    const value = headers.get(name);
    if (value === undefined) continue;
    passed ??= [];
    passed.push(name, value);
  }
  return passed ?? none;
}
