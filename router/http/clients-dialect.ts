import type { Dialect } from "../providers/provider-adapter.ts";
import type { CallerHeaders } from "./ingress/exchange.ts";

/** Whose client it is, where the call itself does not say so. */
export function clientsDialect(headers: CallerHeaders, path: string): Dialect {
  return path.startsWith("/v1/messages") || headers.get("anthropic-version") !== undefined ? "anthropic-messages" : "openai-chat";
}
