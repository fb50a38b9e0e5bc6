import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type AnswerForm, type CallNames, type ChoicesForm, dataEvent, type SequenceEnd } from "../dialects/mock-dialect.ts";
import type { MockBody } from "../mock-body.ts";
import { wordsOf } from "../prompt-tokens.ts";
import { completionLogprobs, promptLogprobs } from "../token-details.ts";
import { bodyOfChoice, endOf, fingerprint, promptTokenIds, type ScriptedEnd, scriptedEnds, tokensOf, toldUsage } from "./answer-parts.ts";
import type { VllmOptions } from "./vllm-options.ts";

/** A text completion in vLLM 0.32's form (recorded). OpenAI's own has the same fields, less those that only vLLM has. */
export function vllmCompletionForm(names: CallNames, body: MockBody, script: AnswerScript, options: VllmOptions): AnswerForm {
  const head = headOf(names);
  const chunks = chunksOf(head, body, script, options, 0);
  return {
    opening: nothing,
    token: chunks.token,
    last: (reason, usage) => Buffer.concat([chunks.last({ reason, usage }), tailOf(head, body, usage)]),
    plain: (reason, usage) => JSON.stringify({ ...head, ...plainCompletion(body, options, [{ script, reason, usage }], usage) }),
  };
}

/** The same with several choices: of each prompt in turn. */
export function vllmCompletionChoices(names: CallNames, body: MockBody, scripts: readonly AnswerScript[], options: VllmOptions): ChoicesForm {
  const head = headOf(names);
  const choices = scripts.map((script, choice) => chunksOf(head, bodyOfChoice(body, choice), script, options, choice));
  return {
    opening: nothing,
    token: (choice, index) => choices[choice]?.token(index) ?? nothing,
    last: (choice, end) => choices[choice]?.last(end) ?? nothing,
    tail: (told) => tailOf(head, body, told),
    plain: (ends, told) => JSON.stringify({ ...head, ...plainCompletion(body, options, scriptedEnds(scripts, ends), told) }),
  };
}

const nothing = Buffer.alloc(0);

const headOf = ({ id, createdSeconds, model }: CallNames): object => ({ id: `cmpl-${id}`, object: "text_completion", created: createdSeconds, model });

interface CompletionChunks {
  readonly token: (place: number) => Buffer;
  readonly last: (end: SequenceEnd) => Buffer;
}

function chunksOf(head: object, body: MockBody, script: AnswerScript, options: VllmOptions, index: number): CompletionChunks {
  const { wishes, includeUsage, inputTokens } = body;
  const ids = wishes.tokenIds || wishes.echo ? promptTokenIds(body, options.vocabularySize) : null;
  const chunk = (place: number, finish: ReturnType<typeof endOf> | null): string => {
    const token = script.tokenAt(place);
    const text = (place === 0 && wishes.echo ? body.texts.join("") : "") + (wishes.echoOnly ? "" : script.pieceAt(place));
    const offset = wishes.logprobs === null ? 0 : script.text(place).length;
    const choice = {
      index,
      text,
      logprobs: wishes.logprobs === null ? null : completionLogprobs([token], wishes.logprobs, offset),
      finish_reason: finish?.reason ?? null,
      stop_reason: finish?.stopReason ?? null,
      prompt_token_ids: place === 0 ? ids : null,
      token_ids: wishes.tokenIds ? [token.id] : null,
    };
    const usage = wishes.continuousUsage ? { usage: toldUsage(inputTokens, place + 1) } : {};
    const more = finish === null || includeUsage ? {} : { system_fingerprint: fingerprint };
    return dataEvent({ ...head, choices: [choice], ...usage, ...more });
  };
  const varies = !script.uniform || wishes.logprobs !== null || wishes.continuousUsage;
  const always = Buffer.from(chunk(1, null));
  return {
    token: (place) => (place > 0 && !varies ? always : Buffer.from(chunk(place, null))),
    last: ({ reason, usage }) => Buffer.from(chunk(usage.output - 1, endOf(script, reason, usage))),
  };
}

function tailOf(head: object, { includeUsage }: MockBody, told: Usage): Buffer {
  const usage = { ...toldUsage(told.input, told.output), prompt_tokens_details: { cached_tokens: told.cachedRead } };
  const ending = includeUsage ? dataEvent({ ...head, choices: [], usage, system_fingerprint: fingerprint }) : "";
  return Buffer.from(`${ending}data: [DONE]\n\n`);
}

function plainCompletion(body: MockBody, options: VllmOptions, ends: readonly ScriptedEnd[], told: Usage): object {
  return {
    choices: ends.map((end, index) => ({ index, ...plainChoice(bodyOfChoice(body, index), options, end) })),
    service_tier: null,
    system_fingerprint: fingerprint,
    usage: {
      ...toldUsage(told.input, told.output),
      prompt_tokens_details: { cached_tokens: told.cachedRead, created_cache_tokens: null, multimodal_tokens: null },
      completion_tokens_details: null,
    },
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  };
}

function plainChoice(body: MockBody, { vocabularySize }: VllmOptions, { script, reason, usage }: ScriptedEnd): object {
  const { wishes } = body;
  const end = endOf(script, reason, usage);
  const words = wordsOf(body.texts);
  const echoed = wishes.echo ? words.map((word) => ` ${word}`) : [];
  const tokens = tokensOf(script, wishes.logprobs === null && !wishes.tokenIds ? 0 : usage.output);
  return {
    text: (wishes.echo ? body.texts.join("") : "") + (wishes.echoOnly ? "" : script.text(usage.output)),
    logprobs: wishes.logprobs === null ? null : completionLogprobs(tokens, wishes.logprobs, 0, echoed),
    finish_reason: end.reason,
    stop_reason: end.stopReason,
    token_ids: wishes.tokenIds ? tokens.map((token) => token.id) : null,
    prompt_logprobs: wishes.promptLogprobs === null ? null : promptLogprobs(words, wishes.promptLogprobs, vocabularySize),
    prompt_token_ids: wishes.tokenIds ? promptTokenIds(body, vocabularySize) : null,
    routed_experts: null,
  };
}
