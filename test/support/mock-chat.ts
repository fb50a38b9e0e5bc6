import { readVllmChat } from "../../simulator/mock/vllm/chat-request.ts";
import { vllmDialect } from "../../simulator/mock/vllm/vllm-dialect.ts";
import { defaultVllmOptions } from "../../simulator/mock/vllm/vllm-options.ts";
import type { Parsed } from "../../simulator/mock/mock-body.ts";

/** How a mock vLLM reads a chat completion. */
export function parsedChat(bytes: Buffer): Parsed {
  const place = vllmDialect().callAt("/v1/chat/completions");
  if (place === null) throw new Error("assertion: a vLLM takes chats");
  return readVllmChat({ bytes, headers: { "content-type": "application/json" }, place, stored: null }, defaultVllmOptions);
}
