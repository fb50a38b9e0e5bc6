import type { Usage } from "../../../router/core/messages.ts";
import type { ChatBody } from "../chat-body.ts";
import { type AnswerForm, type CallNames, type MockEnd, tokenText } from "./mock-dialect.ts";

const fingerprint = "headgate-mock";
const done = "data: [DONE]\n\n";

/** The bytes of one chat completion in vLLM 0.32's form (recorded). */
export function chatForm({ id, createdSeconds, model }: CallNames, body: ChatBody): AnswerForm {
  const head = `data: {"id":"${id}","object":"chat.completion.chunk","created":${createdSeconds},"model":${JSON.stringify(model)},"choices":[`;
  const delta = `{"index":0,"delta":{"content":"${tokenText}"},"logprobs":null,`;
  const piece = (fields: object): string => `${head}{"index":0,"delta":${JSON.stringify(fields)},"logprobs":null,"finish_reason":null}]}\n\n`;
  const role = `${head}{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}\n\n`;
  const calls = callsOf(body, id);
  const called = calls.flatMap(({ function: { arguments: text, ...named }, ...call }, index) => [
    piece({ tool_calls: [{ index, ...call, function: { ...named, arguments: "" } }] }),
    piece({ tool_calls: [{ index, function: { arguments: text } }] }),
  ]);
  const text = calls.length === 0;
  return {
    opening: Buffer.from(text ? role : role + (called[0] ?? "")),
    token: Buffer.from(text ? `${head}${delta}"finish_reason":null,"token_ids":null}]}\n\n` : ""),
    last: (reason, usage) => {
      const tail = body.includeUsage ? "" : `,"system_fingerprint":"${fingerprint}"`;
      const last = text ? delta : `{"index":0,"delta":{},"logprobs":null,`;
      const finish = `${head}${last}"finish_reason":"${text ? reason : "tool_calls"}","stop_reason":null,"token_ids":null}]${tail}}\n\n`;
      const told = body.includeUsage ? `${head}],"usage":${usageJson(usage)},"system_fingerprint":"${fingerprint}"}\n\n` : "";
      return Buffer.from(called.slice(1).join("") + finish + told + done);
    },
    plain: (reason, usage) => plainCompletion({ id, createdSeconds, model }, calls, text ? reason : "tool_calls", usage),
  };
}

type Call = ReturnType<typeof callsOf>[number];

function callsOf({ calls }: ChatBody, id: string) {
  return calls.map((call, place) => ({ id: `call_${id}_${place}`, type: "function", function: call }));
}

function plainCompletion({ id, createdSeconds, model }: CallNames, calls: readonly Call[], reason: MockEnd | "tool_calls", usage: Usage): string {
  const content = calls.length === 0 ? `"${tokenText.repeat(usage.output)}"` : "null";
  const called = calls.length === 0 ? "" : `,"tool_calls":${JSON.stringify(calls)}`;
  return (
    `{"id":"${id}","object":"chat.completion","created":${createdSeconds},"model":${JSON.stringify(model)},"choices":[{"index":0,"message":` +
    `{"role":"assistant","content":${content},"refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":null${called}},` +
    `"logprobs":null,"finish_reason":"${reason}","stop_reason":null,"token_ids":null}],"service_tier":null,` +
    `"system_fingerprint":"${fingerprint}","usage":${usageJson(usage)},"prompt_logprobs":null,"kv_transfer_params":null}`
  );
}

function usageJson(usage: Usage): string {
  return (
    `{"prompt_tokens":${usage.input},"total_tokens":${usage.input + usage.output},"completion_tokens":${usage.output},` +
    `"prompt_tokens_details":{"cached_tokens":${usage.cachedRead},"created_cache_tokens":${usage.cacheWrite}}}`
  );
}
