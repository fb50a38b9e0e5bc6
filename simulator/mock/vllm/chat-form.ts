import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type AnswerForm, type CallNames, dataEvent, type MockEnd } from "../dialects/mock-dialect.ts";
import type { MockBody } from "../mock-body.ts";
import { wordsOf } from "../prompt-tokens.ts";
import { chatLogprobs, promptLogprobs } from "../token-details.ts";
import { createdTokens, endOf, fingerprint, promptTokenIds, tokensOf, toldUsage } from "./answer-parts.ts";
import type { VllmOptions } from "./vllm-options.ts";

const done = "data: [DONE]\n\n";

/** A chat completion in vLLM 0.32's form (recorded): fields, their order, and what is null. */
export function vllmChatForm(names: CallNames, body: MockBody, script: AnswerScript, options: VllmOptions): AnswerForm {
  const stream = new ChatStream(names, body, script, options);
  return {
    opening: stream.opening(),
    token: stream.tokens(),
    last: (reason, usage) => stream.last(reason, usage),
    plain: (reason, usage) => JSON.stringify(plainChat(names, body, script, options, reason, usage)),
  };
}

interface ChatDelta {
  readonly index: number;
  readonly delta: object;
  readonly logprobs: object | null;
  readonly finish_reason: string | null;
  readonly stop_reason?: string | number | null;
  readonly token_ids?: readonly number[] | null;
}

const toolId = (id: string, place: number): string => `chatcmpl-tool-${id}${place}`;

class ChatStream {
  readonly #names: CallNames;
  readonly #body: MockBody;
  readonly #script: AnswerScript;
  readonly #options: VllmOptions;

  constructor(names: CallNames, body: MockBody, script: AnswerScript, options: VllmOptions) {
    this.#names = names;
    this.#body = body;
    this.#script = script;
    this.#options = options;
  }

  opening(): Buffer {
    const { wishes } = this.#body;
    const ids = wishes.tokenIds ? promptTokenIds(this.#body, this.#options.vocabularySize) : null;
    const roles = this.#choices().map((index) =>
      this.#event({ index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }, 0, { prompt_token_ids: ids, prompt_text: null }),
    );
    return Buffer.from(roles.join("") + this.#call(0, "name"));
  }

  tokens(): AnswerForm["token"] {
    const { wishes, calls } = this.#body;
    if (calls.length > 0) {
      const nothing = Buffer.alloc(0);
      return () => nothing;
    }
    if (this.#script.uniform && wishes.logprobs === null && !wishes.continuousUsage) {
      const always = Buffer.from(this.#token(0, null, null));
      return () => always;
    }
    return (index) => Buffer.from(this.#token(index, null, null));
  }

  last(reason: MockEnd, usage: Usage): Buffer {
    const { calls, includeUsage, answers } = this.#body;
    const end = endOf(this.#script, reason, usage);
    const finish = { finish_reason: calls.length > 0 ? "tool_calls" : end.reason, stop_reason: calls.length > 0 ? null : end.stopReason };
    const called = calls.map((_, place) => (place === 0 ? "" : this.#call(place, "name")) + this.#call(place, "arguments")).join("");
    const text = calls.length > 0 ? called + this.#finishOfCalls(finish) : this.#token(usage.output - 1, finish, usage);
    const told = includeUsage ? dataEvent({ ...this.#head([]), usage: this.#usage(usage, answers), system_fingerprint: fingerprint }) : "";
    return Buffer.from(text + told + done);
  }

  #usage(usage: Usage, answers: number): object {
    const details = { cached_tokens: usage.cachedRead, created_cache_tokens: createdTokens(usage, this.#names) };
    return { ...toldUsage(usage.input, usage.output * answers), prompt_tokens_details: details };
  }

  #choices(): readonly number[] {
    return Array.from({ length: this.#body.answers }, (_, index) => index);
  }

  #head(choices: readonly ChatDelta[]): object {
    const { id, createdSeconds, model } = this.#names;
    return { id: `chatcmpl-${id}`, object: "chat.completion.chunk", created: createdSeconds, model, choices };
  }

  #event(choice: ChatDelta, generated: number, more: object): string {
    const { wishes, inputTokens } = this.#body;
    const usage = wishes.continuousUsage ? { usage: { ...toldUsage(inputTokens, generated), completion_tokens_details: null } } : {};
    return dataEvent({ ...this.#head([choice]), ...usage, ...more });
  }

  #token(place: number, finish: Pick<ChatDelta, "finish_reason" | "stop_reason"> | null, usage: Usage | null): string {
    const { wishes, includeUsage } = this.#body;
    const token = this.#script.tokenAt(place);
    const logprobs = wishes.logprobs === null ? null : chatLogprobs([token], wishes.logprobs);
    const more = usage === null || includeUsage ? {} : { system_fingerprint: fingerprint };
    const ids = wishes.tokenIds ? [token.id] : null;
    return this.#choices()
      .map((index) =>
        this.#event(
          { index, delta: { content: this.#script.pieceAt(place) }, logprobs, ...(finish ?? { finish_reason: null }), token_ids: ids },
          place + 1,
          more,
        ),
      )
      .join("");
  }

  #call(place: number, part: "name" | "arguments"): string {
    const call = this.#body.calls[place];
    if (call === undefined) return "";
    const named = { id: toolId(this.#names.id, place), type: "function", index: place, function: { name: call.name } };
    const called = part === "name" ? named : { index: place, function: { arguments: call.arguments } };
    const delta = { content: null, tool_calls: [called] };
    return this.#choices()
      .map((index) => this.#event({ index, delta, logprobs: null, finish_reason: null, token_ids: null }, 0, {}))
      .join("");
  }

  #finishOfCalls(finish: Pick<ChatDelta, "finish_reason" | "stop_reason">): string {
    const more = this.#body.includeUsage ? {} : { system_fingerprint: fingerprint };
    return this.#choices()
      .map((index) => this.#event({ index, delta: {}, logprobs: null, ...finish, token_ids: null }, 0, more))
      .join("");
  }
}

function plainChat(names: CallNames, body: MockBody, script: AnswerScript, options: VllmOptions, reason: MockEnd, usage: Usage): object {
  const { id, createdSeconds, model } = names;
  const { wishes, calls, answers } = body;
  const end = endOf(script, reason, usage);
  const called = calls.map((call, place) => ({ id: toolId(id, place), type: "function", function: call }));
  const tokens = tokensOf(script, wishes.logprobs === null && !wishes.tokenIds ? 0 : usage.output);
  const details = { cached_tokens: usage.cachedRead, created_cache_tokens: createdTokens(usage, names), multimodal_tokens: null };
  const choice = {
    message: {
      role: "assistant",
      content: calls.length > 0 ? null : script.text(usage.output),
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      ...(calls.length > 0 ? { tool_calls: called } : {}),
      reasoning: null,
    },
    logprobs: wishes.logprobs === null ? null : chatLogprobs(tokens, wishes.logprobs),
    finish_reason: calls.length > 0 ? "tool_calls" : end.reason,
    stop_reason: calls.length > 0 ? null : end.stopReason,
    token_ids: wishes.tokenIds ? tokens.map((token) => token.id) : null,
    routed_experts: null,
  };
  return {
    id: `chatcmpl-${id}`,
    object: "chat.completion",
    created: createdSeconds,
    model,
    choices: Array.from({ length: answers }, (_, index) => ({ index, ...choice })),
    service_tier: null,
    system_fingerprint: fingerprint,
    usage: {
      ...toldUsage(usage.input, usage.output * answers),
      prompt_tokens_details: wishes.roughUsage ? null : details,
      completion_tokens_details: null,
    },
    prompt_logprobs: wishes.promptLogprobs === null ? null : promptLogprobs(wordsOf(body.texts), wishes.promptLogprobs, options.vocabularySize),
    prompt_token_ids: wishes.tokenIds ? promptTokenIds(body, options.vocabularySize) : null,
    prompt_text: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  };
}
