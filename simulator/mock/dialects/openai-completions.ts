import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type MockBody, type Parsed, plainWishes, refused } from "../mock-body.ts";
import { completionLogprobs } from "../token-details.ts";
import { isFields } from "../../../router/core/fields.ts";
import { parseFields, serialOf, wordsIn } from "./body-fields.ts";
import { type AnswerForm, type CallNames, dataEvent, type MockEnd, type MockRequest } from "./mock-dialect.ts";
import { answersIn, fingerprint, optionalWhole, stopsOf, usageOf } from "./openai-common.ts";
import { openAiRefusal } from "./openai-refusal.ts";

/** OpenAI's own where the caller gives none (tokens). */
const defaultCap = 16;

/** Prompts are texts or token ids, one or several. Null: it is none of these. */
export function promptsOf(prompt: unknown): readonly (string | readonly number[])[] | null {
  if (typeof prompt === "string") return [prompt];
  if (!Array.isArray(prompt) || prompt.length === 0) return null;
  if (prompt.every((item) => typeof item === "number")) return [prompt];
  const known = prompt.every((item: unknown) => typeof item === "string" || (Array.isArray(item) && item.every((id) => typeof id === "number")));
  return known ? (prompt as readonly (string | readonly number[])[]) : null;
}

export const promptLength = (prompt: string | readonly number[]): number => (typeof prompt === "string" ? Math.max(1, wordsIn([prompt])) : prompt.length);

/** A text completion of OpenAI's own API. */
export function readOpenAiCompletion({ bytes, place }: MockRequest): Parsed {
  const fields = parseFields(bytes);
  const refuse = (message: string): Parsed => refused(openAiRefusal({ kind: "bad-request", message }));
  if (fields === null) return refuse("We could not parse the JSON body of your request.");
  const prompts = promptsOf(fields["prompt"]);
  if (prompts === null) return refuse("Missing required parameter: 'prompt'.");
  const answers = answersIn(fields["n"]);
  if (typeof answers === "string") return refuse(answers);
  const texts = prompts.filter((prompt) => typeof prompt === "string");
  const body: MockBody = {
    model: place.model ?? (typeof fields["model"] === "string" ? fields["model"] : null),
    texts,
    inputTokens: prompts.reduce((sum, prompt) => sum + promptLength(prompt), 0),
    outputTokensMax: optionalWhole(fields["max_tokens"]) ?? defaultCap,
    outputTokensMin: 0,
    exactLength: false,
    stream: fields["stream"] === true,
    includeUsage: isFields(fields["stream_options"]) && fields["stream_options"]["include_usage"] === true,
    serial: serialOf(texts),
    calls: [],
    answers: prompts.length * answers,
    wishes: { ...plainWishes, stop: stopsOf(fields["stop"]), echo: fields["echo"] === true, logprobs: optionalWhole(fields["logprobs"]) },
  };
  return { kind: "body", body };
}

export function openAiCompletionForm({ id, createdSeconds, model }: CallNames, body: MockBody, script: AnswerScript): AnswerForm {
  const { wishes, answers, includeUsage } = body;
  const head = { id: `cmpl-${id}`, object: "text_completion", created: createdSeconds, model, system_fingerprint: fingerprint };
  const echoed = wishes.echo ? body.texts.join("") : "";
  const event = (text: string, finish: string | null, logprobs: object | null): string =>
    Array.from({ length: answers }, (_, index) =>
      dataEvent({ ...head, choices: [{ text, index, logprobs, finish_reason: finish }], ...(includeUsage ? { usage: null } : {}) }),
    ).join("");
  const token = (place: number): string => {
    const logprobs = wishes.logprobs === null ? null : completionLogprobs([script.tokenAt(place)], wishes.logprobs, echoed.length + script.text(place).length);
    return event((place === 0 ? echoed : "") + script.pieceAt(place), null, logprobs);
  };
  const always = Buffer.from(token(1));
  const varies = !script.uniform || wishes.logprobs !== null;
  const reasonOf = (reason: MockEnd, usage: Usage): MockEnd => (script.stopped !== null && usage.output >= script.outputTokens ? "stop" : reason);
  return {
    opening: Buffer.alloc(0),
    token: (place) => (varies || place === 0 ? Buffer.from(token(place)) : always),
    last: (reason, usage) => {
      const told = includeUsage ? dataEvent({ ...head, choices: [], usage: usageOf(usage, answers) }) : "";
      return Buffer.from(`${token(usage.output - 1)}${event("", reasonOf(reason, usage), null)}${told}data: [DONE]\n\n`);
    },
    plain: (reason, usage) => {
      const tokens = Array.from({ length: wishes.logprobs === null ? 0 : usage.output }, (_, place) => script.tokenAt(place));
      const logprobs = wishes.logprobs === null ? null : completionLogprobs(tokens, wishes.logprobs, echoed.length);
      const choice = { text: echoed + script.text(usage.output), logprobs, finish_reason: reasonOf(reason, usage) };
      return JSON.stringify({ ...head, choices: Array.from({ length: answers }, (_, index) => ({ index, ...choice })), usage: usageOf(usage, answers) });
    },
  };
}
