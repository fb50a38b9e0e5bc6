import type { Usage } from "../../router/core/messages.ts";

/** The bytes of one chat completion in vLLM 0.32's form (recorded). Frames of a token do not change within a call, so they are made once. */
export interface ChatFrames {
  readonly role: Buffer;
  readonly token: Buffer;
  /** The last token, with the reason; `isLast`: no usage chunk follows. */
  finish(reason: "stop" | "length", isLast: boolean): Buffer;
  usage(usage: Usage): Buffer;
}

export const doneFrame = Buffer.from("data: [DONE]\n\n");
const fingerprint = "headgate-mock";
/** One word: a token of the mock's tokenizer. */
const tokenText = " word";

export function makeChatFrames(id: string, created: number, model: string): ChatFrames {
  const head = `data: {"id":"${id}","object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)},"choices":[`;
  const delta = `{"index":0,"delta":{"content":"${tokenText}"},"logprobs":null,`;
  return {
    role: Buffer.from(
      `${head}{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}\n\n`,
    ),
    token: Buffer.from(`${head}${delta}"finish_reason":null,"token_ids":null}]}\n\n`),
    finish: (reason, isLast) => {
      const tail = isLast ? `,"system_fingerprint":"${fingerprint}"` : "";
      return Buffer.from(`${head}${delta}"finish_reason":"${reason}","stop_reason":null,"token_ids":null}]${tail}}\n\n`);
    },
    usage: (usage) => Buffer.from(`${head}],"usage":${usageJson(usage)},"system_fingerprint":"${fingerprint}"}\n\n`),
  };
}

export function plainCompletion(id: string, created: number, model: string, reason: "stop" | "length", usage: Usage): string {
  const content = tokenText.repeat(usage.output);
  return (
    `{"id":"${id}","object":"chat.completion","created":${created},"model":${JSON.stringify(model)},"choices":[{"index":0,"message":` +
    `{"role":"assistant","content":"${content}","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":null},` +
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
