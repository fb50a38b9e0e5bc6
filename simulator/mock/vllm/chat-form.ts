import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type AnswerForm, type CallNames, type ChoicesForm, dataEvent, type SequenceEnd } from "../dialects/mock-dialect.ts";
import type { MockBody } from "../mock-body.ts";
import { wordsOf } from "../prompt-tokens.ts";
import { chatLogprobs, promptLogprobs } from "../token-details.ts";
import { bodyOfChoice, createdTokens, endOf, fingerprint, promptTokenIds, type ScriptedEnd, scriptedEnds, tokensOf, toldUsage } from "./answer-parts.ts";
import type { VllmOptions } from "./vllm-options.ts";

const done = "data: [DONE]\n\n";

/** A chat completion in vLLM 0.32's form (recorded): fields, their order, and what is null. */
export function vllmChatForm(names: CallNames, body: MockBody, script: AnswerScript, options: VllmOptions): AnswerForm {
  const stream = new ChatStream(names, body, script, options, 0);
  return {
    opening: stream.opening(),
    token: stream.tokens(),
    last: (reason, usage) => Buffer.concat([stream.last({ reason, usage }), stream.tail(usage)]),
    plain: (reason, usage) => JSON.stringify(plainChat(names, body, options, [{ script, reason, usage }], usage)),
  };
}

/** The same with several choices. */
export function vllmChatChoices(names: CallNames, body: MockBody, scripts: readonly AnswerScript[], options: VllmOptions): ChoicesForm {
  const streams = scripts.map((script, choice) => new ChatStream(names, bodyOfChoice(body, choice), script, options, choice));
  const tokens = streams.map((stream) => stream.tokens());
  return {
    opening: Buffer.concat(streams.map((stream) => stream.opening())),
    token: (choice, index) => tokens[choice]?.(index) ?? nothing,
    last: (choice, end) => streams[choice]?.last(end) ?? nothing,
    tail: (told) => streams[0]?.tail(told) ?? nothing,
    plain: (ends, told) => JSON.stringify(plainChat(names, body, options, scriptedEnds(scripts, ends), told)),
  };
}

const nothing = Buffer.alloc(0);

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
  readonly #choice: number;

  constructor(names: CallNames, body: MockBody, script: AnswerScript, options: VllmOptions, choice: number) {
    this.#names = names;
    this.#body = body;
    this.#script = script;
    this.#options = options;
    this.#choice = choice;
  }

  opening(): Buffer {
    const { wishes } = this.#body;
    const ids = wishes.tokenIds ? promptTokenIds(this.#body, this.#options.vocabularySize) : null;
    const delta = { role: "assistant", content: "" };
    const role = this.#event({ index: this.#choice, delta, logprobs: null, finish_reason: null }, 0, { prompt_token_ids: ids, prompt_text: null });
    return Buffer.from(role + this.#call(0, "name"));
  }

  tokens(): AnswerForm["token"] {
    const { wishes, calls } = this.#body;
    if (calls.length > 0) {
      return () => nothing;
    }
    if (this.#script.uniform && wishes.logprobs === null && !wishes.continuousUsage) {
      const always = Buffer.from(this.#token(0, null, null));
      return () => always;
    }
    return (index) => Buffer.from(this.#token(index, null, null));
  }

  last({ reason, usage }: SequenceEnd): Buffer {
    const { calls } = this.#body;
    const end = endOf(this.#script, reason, usage);
    const finish = { finish_reason: calls.length > 0 ? "tool_calls" : end.reason, stop_reason: calls.length > 0 ? null : end.stopReason };
    const called = calls.map((_, place) => (place === 0 ? "" : this.#call(place, "name")) + this.#call(place, "arguments")).join("");
    const text = calls.length > 0 ? called + this.#finishOfCalls(finish) : this.#token(usage.output - 1, finish, usage);
    return Buffer.from(text);
  }

  tail(told: Usage): Buffer {
    const usage = this.#body.includeUsage ? dataEvent({ ...this.#head([]), usage: this.#usage(told), system_fingerprint: fingerprint }) : "";
    return Buffer.from(usage + done);
  }

  #usage(usage: Usage): object {
    const details = { cached_tokens: usage.cachedRead, created_cache_tokens: createdTokens(usage, this.#names) };
    return { ...toldUsage(usage.input, usage.output), prompt_tokens_details: details };
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
    const delta = { content: this.#script.pieceAt(place) };
    return this.#event({ index: this.#choice, delta, logprobs, ...(finish ?? { finish_reason: null }), token_ids: ids }, place + 1, more);
  }

  #call(place: number, part: "name" | "arguments"): string {
    const call = this.#body.calls[place];
    if (call === undefined) return "";
    const named = { id: toolId(this.#names.id, place), type: "function", index: place, function: { name: call.name } };
    const called = part === "name" ? named : { index: place, function: { arguments: call.arguments } };
    const delta = { content: null, tool_calls: [called] };
    return this.#event({ index: this.#choice, delta, logprobs: null, finish_reason: null, token_ids: null }, 0, {});
  }

  #finishOfCalls(finish: Pick<ChatDelta, "finish_reason" | "stop_reason">): string {
    const more = this.#body.includeUsage ? {} : { system_fingerprint: fingerprint };
    return this.#event({ index: this.#choice, delta: {}, logprobs: null, ...finish, token_ids: null }, 0, more);
  }
}

function plainChat(names: CallNames, body: MockBody, options: VllmOptions, ends: readonly ScriptedEnd[], told: Usage): object {
  const { id, createdSeconds, model } = names;
  const { wishes } = body;
  const details = { cached_tokens: told.cachedRead, created_cache_tokens: createdTokens(told, names), multimodal_tokens: null };
  return {
    id: `chatcmpl-${id}`,
    object: "chat.completion",
    created: createdSeconds,
    model,
    choices: ends.map((end, index) => ({ index, ...plainChoice(id, body, end) })),
    service_tier: null,
    system_fingerprint: fingerprint,
    usage: {
      ...toldUsage(told.input, told.output),
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

function plainChoice(id: string, { wishes, calls }: MockBody, { script, reason, usage }: ScriptedEnd): object {
  const end = endOf(script, reason, usage);
  const called = calls.map((call, place) => ({ id: toolId(id, place), type: "function", function: call }));
  const tokens = tokensOf(script, wishes.logprobs === null && !wishes.tokenIds ? 0 : usage.output);
  return {
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
}
