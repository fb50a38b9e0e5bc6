import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type MockBody, type Parsed, plainWishes, refused } from "../mock-body.ts";
import { chatLogprobs } from "../token-details.ts";
import { isFields } from "../../../router/core/fields.ts";
import { parseFields, serialOf, textsOfMessages, wordsIn } from "./body-fields.ts";
import { chatCalls } from "./tool-calls.ts";
import { type AnswerForm, type CallNames, dataEvent, type MockEnd, type MockRequest } from "./mock-dialect.ts";
import { answersIn, fingerprint, optionalWhole, servedTier, stopsOf, usageOf } from "./openai-common.ts";
import { openAiRefusal } from "./openai-refusal.ts";

/** A chat completion of OpenAI's own API. */
export function readOpenAiChat({ bytes, place }: MockRequest): Parsed {
  const fields = parseFields(bytes);
  const refuse = (message: string): Parsed => refused(openAiRefusal({ kind: "bad-request", message }));
  if (fields === null) return refuse("We could not parse the JSON body of your request.");
  const { messages } = fields;
  if (!Array.isArray(messages)) return refuse("Missing required parameter: 'messages'.");
  if (messages.length === 0) return refuse("Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.");
  const answers = answersIn(fields["n"]);
  if (typeof answers === "string") return refuse(answers);
  const texts = textsOfMessages(messages);
  const body: MockBody = {
    model: place.model ?? (typeof fields["model"] === "string" ? fields["model"] : null),
    texts,
    inputTokens: Math.max(1, wordsIn(texts)),
    outputTokensMax: optionalWhole(fields["max_completion_tokens"]) ?? optionalWhole(fields["max_tokens"]),
    outputTokensMin: optionalWhole(fields["min_tokens"]) ?? 0,
    // Not OpenAI's, but a replay's: the trace says how long an answer is.
    exactLength: fields["ignore_eos"] === true,
    stream: fields["stream"] === true,
    batch: fields["service_tier"] === "flex",
    includeUsage: isFields(fields["stream_options"]) && fields["stream_options"]["include_usage"] === true,
    serial: serialOf(texts),
    calls: chatCalls(fields, messages),
    answers,
    wishes: {
      ...plainWishes,
      repeated: { service_tier: fields["service_tier"] },
      stop: stopsOf(fields["stop"]),
      logprobs: fields["logprobs"] === true ? (optionalWhole(fields["top_logprobs"]) ?? 0) : null,
    },
  };
  return { kind: "body", body };
}

interface ChatChoice {
  readonly index: number;
  readonly delta: object;
  readonly logprobs: object | null;
  readonly finish_reason: string | null;
}

export function openAiChatForm({ id, createdSeconds, model }: CallNames, body: MockBody, script: AnswerScript): AnswerForm {
  const { calls, answers, includeUsage, wishes } = body;
  const head = {
    id: `chatcmpl-${id}`,
    created: createdSeconds,
    model,
    service_tier: servedTier(wishes.repeated["service_tier"]),
    system_fingerprint: fingerprint,
  };
  const indexes = Array.from({ length: answers }, (_, index) => index);
  const event = (choices: readonly ChatChoice[], usage: object | null): string =>
    dataEvent({ ...head, object: "chat.completion.chunk", choices, ...(includeUsage ? { usage } : {}) });
  const each = (delta: object, finish: string | null = null, logprobs: object | null = null): string =>
    indexes.map((index) => event([{ index, delta, logprobs, finish_reason: finish }], null)).join("");
  const named = calls.map((call, place) => ({ id: `call_${id}_${place}`, type: "function", function: call }));
  const called = named.map(({ function: { name, arguments: json }, ...call }, index) => [
    each({ tool_calls: [{ index, ...call, function: { name, arguments: "" } }] }),
    each({ tool_calls: [{ index, function: { arguments: json } }] }),
  ]);
  const text = calls.length === 0;
  const token = (place: number): string => {
    const logprobs = wishes.logprobs === null ? null : { ...chatLogprobs([script.tokenAt(place)], wishes.logprobs), refusal: null };
    return text ? each({ content: script.pieceAt(place) }, null, logprobs) : "";
  };
  const always = Buffer.from(token(0));
  const varies = !script.uniform || wishes.logprobs !== null;
  const reasonOf = (reason: MockEnd, usage: Usage): string =>
    !text ? "tool_calls" : script.stopped !== null && usage.output >= script.outputTokens ? "stop" : reason;
  return {
    opening: Buffer.from(each({ role: "assistant", content: text ? "" : null, refusal: null }) + (called[0]?.[0] ?? "")),
    token: (place) => (varies ? Buffer.from(token(place)) : always),
    last: (reason, usage) => {
      const rest = text ? token(usage.output - 1) : called.flat().slice(1).join("");
      const told = includeUsage ? event([], usageOf(usage, answers)) : "";
      return Buffer.from(`${rest}${each({}, reasonOf(reason, usage))}${told}data: [DONE]\n\n`);
    },
    plain: (reason, usage) => {
      const tokens = Array.from({ length: wishes.logprobs === null ? 0 : usage.output }, (_, place) => script.tokenAt(place));
      const content = text ? script.text(usage.output) : null;
      const message = { role: "assistant", content, refusal: null, annotations: [], ...(text ? {} : { tool_calls: named }) };
      const logprobs = wishes.logprobs === null ? null : { ...chatLogprobs(tokens, wishes.logprobs), refusal: null };
      const choices = indexes.map((index) => ({ index, message, logprobs, finish_reason: reasonOf(reason, usage) }));
      return JSON.stringify({ ...head, object: "chat.completion", choices, usage: usageOf(usage, answers) });
    },
  };
}
