import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type AnswerForm, type CallNames, dataEvent, type MockEnd } from "../dialects/mock-dialect.ts";
import type { MockBody } from "../mock-body.ts";
import { wordsOf } from "../prompt-tokens.ts";
import { completionLogprobs, promptLogprobs } from "../token-details.ts";
import { endOf, fingerprint, promptTokenIds, tokensOf, toldUsage } from "./answer-parts.ts";
import type { VllmOptions } from "./vllm-options.ts";

/** A text completion in vLLM 0.32's form (recorded). OpenAI's own has the same fields, less those that only vLLM has. */
export function vllmCompletionForm(names: CallNames, body: MockBody, script: AnswerScript, options: VllmOptions): AnswerForm {
  const { wishes, includeUsage, answers, inputTokens } = body;
  const head = { id: `cmpl-${names.id}`, object: "text_completion", created: names.createdSeconds, model: names.model };
  const ids = wishes.tokenIds || wishes.echo ? promptTokenIds(body, options.vocabularySize) : null;
  const chunk = (place: number, finish: ReturnType<typeof endOf> | null): string => {
    const token = script.tokenAt(place);
    const text = (place === 0 && wishes.echo ? body.texts.join("") : "") + (wishes.echoOnly ? "" : script.pieceAt(place));
    const offset = wishes.logprobs === null ? 0 : script.text(place).length;
    const choice = {
      text,
      logprobs: wishes.logprobs === null ? null : completionLogprobs([token], wishes.logprobs, offset),
      finish_reason: finish?.reason ?? null,
      stop_reason: finish?.stopReason ?? null,
      prompt_token_ids: place === 0 ? ids : null,
      token_ids: wishes.tokenIds ? [token.id] : null,
    };
    const usage = wishes.continuousUsage ? { usage: toldUsage(inputTokens, place + 1) } : {};
    const more = finish === null || includeUsage ? {} : { system_fingerprint: fingerprint };
    return Array.from({ length: answers }, (_, index) => dataEvent({ ...head, choices: [{ index, ...choice }], ...usage, ...more })).join("");
  };
  const varies = !script.uniform || wishes.logprobs !== null || wishes.continuousUsage;
  const always = Buffer.from(chunk(1, null));
  return {
    opening: Buffer.alloc(0),
    token: (place) => (place > 0 && !varies ? always : Buffer.from(chunk(place, null))),
    last: (reason, usage) => {
      const told = { ...toldUsage(usage.input, usage.output * answers), prompt_tokens_details: { cached_tokens: usage.cachedRead } };
      const ending = includeUsage ? dataEvent({ ...head, choices: [], usage: told, system_fingerprint: fingerprint }) : "";
      return Buffer.from(`${chunk(usage.output - 1, endOf(script, reason, usage))}${ending}data: [DONE]\n\n`);
    },
    plain: (reason, usage) => JSON.stringify({ ...head, ...plainCompletion(body, script, options, reason, usage) }),
  };
}

function plainCompletion(body: MockBody, script: AnswerScript, { vocabularySize }: VllmOptions, reason: MockEnd, usage: Usage): object {
  const { wishes, answers } = body;
  const end = endOf(script, reason, usage);
  const words = wordsOf(body.texts);
  const echoed = wishes.echo ? words.map((word) => ` ${word}`) : [];
  const tokens = tokensOf(script, wishes.logprobs === null && !wishes.tokenIds ? 0 : usage.output);
  const choice = {
    text: (wishes.echo ? body.texts.join("") : "") + (wishes.echoOnly ? "" : script.text(usage.output)),
    logprobs: wishes.logprobs === null ? null : completionLogprobs(tokens, wishes.logprobs, 0, echoed),
    finish_reason: end.reason,
    stop_reason: end.stopReason,
    token_ids: wishes.tokenIds ? tokens.map((token) => token.id) : null,
    prompt_logprobs: wishes.promptLogprobs === null ? null : promptLogprobs(words, wishes.promptLogprobs, vocabularySize),
    prompt_token_ids: wishes.tokenIds ? promptTokenIds(body, vocabularySize) : null,
    routed_experts: null,
  };
  return {
    choices: Array.from({ length: answers }, (_, index) => ({ index, ...choice })),
    service_tier: null,
    system_fingerprint: fingerprint,
    usage: {
      ...toldUsage(usage.input, usage.output * answers),
      prompt_tokens_details: { cached_tokens: usage.cachedRead, created_cache_tokens: null, multimodal_tokens: null },
      completion_tokens_details: null,
    },
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  };
}
