import { type Fields, isFields } from "../../../router/core/fields.ts";
import { serialOf, wordsIn } from "../dialects/body-fields.ts";
import type { MockRequest } from "../dialects/mock-dialect.ts";
import { badRequest, type HttpRefusal } from "../http-refusal.ts";
import { type MockServerFacts, type Parsed, sequencesOf } from "../mock-body.ts";
import { type FieldProblem, fieldsIn, flagIn, notList, notText, numberIn, kindProblems } from "./field-problems.ts";
import { lengthProblem } from "./length-checks.ts";
import { readByRules } from "./read-body.ts";
import { readWishes } from "./read-wishes.ts";
import { answersIn, samplingProblem } from "./sampling-checks.ts";
import type { VllmOptions } from "./vllm-options.ts";

/** vLLM's own where the caller gives none (tokens). */
const defaultCap = 16;

/** One prompt: a text, or its token ids. */
type Prompt = string | readonly number[];

/** A text completion as vLLM 0.32 reads it. */
export function readVllmCompletion(request: MockRequest, options: VllmOptions): Parsed {
  const read = readByRules(request.bytes, request.headers, { problems: completionProblems, contradiction: completionContradiction });
  if (read.kind === "refused") return read;
  const { fields } = read;
  const prompts = promptsOf(fields["prompt"]);
  const texts = prompts.map((prompt) => (typeof prompt === "string" ? prompt : prompt.map((id) => ` ${id}`).join("")));
  const lengths = prompts.map((prompt) => (typeof prompt === "string" ? Math.max(1, wordsIn([prompt])) : prompt.length));
  const n = answersIn(fields);
  const wishes = readWishes(fields, request.headers);
  const asked = numberIn(fields, "max_tokens") ?? defaultCap;
  const echoOnly = wishes.echo && asked === 0;
  const cap = echoOnly ? 1 : asked;
  const outputTokensMin = numberIn(fields, "min_tokens") ?? 0;
  const logprobs = numberIn(fields, "logprobs");
  return {
    kind: "body",
    body: {
      model: typeof fields["model"] === "string" ? fields["model"] : null,
      texts,
      inputTokens: Math.max(
        1,
        lengths.reduce((sum, length) => sum + length, 0),
      ),
      outputTokensMax: cap,
      outputTokensMin,
      exactLength: wishes.ignoreEnd || outputTokensMin === cap,
      stream: flagIn(fields, "stream"),
      includeUsage: fieldsIn(fields, "stream_options")?.["include_usage"] === true,
      serial: serialOf(texts),
      calls: [],
      answers: prompts.length * n,
      ...(prompts.length * n > 1
        ? {
            sequences: sequencesOf(
              texts.map((text, place) => ({ texts: [text], inputTokens: lengths[place] ?? 1 })),
              n,
            ),
          }
        : {}),
      wishes: { ...wishes, echoOnly, logprobs, promptLogprobs: wishes.promptLogprobs ?? (wishes.echo ? logprobs : null) },
      check: (server) => completionProblem(fields, prompts, lengths, cap, server, options),
    },
  };
}

function promptsOf(prompt: unknown): readonly Prompt[] {
  if (typeof prompt === "string") return [prompt];
  if (!Array.isArray(prompt)) return [];
  return prompt.every((item) => typeof item === "number") && prompt.length > 0 ? [prompt] : (prompt as readonly Prompt[]);
}

const completionFields = [
  ["frequency_penalty", "number"],
  ["logprobs", "whole"],
  ["max_tokens", "whole"],
  ["n", "whole"],
  ["presence_penalty", "number"],
  ["seed", "whole"],
  ["stream", "boolean"],
  ["temperature", "number"],
  ["top_p", "number"],
  ["min_tokens", "whole"],
  ["priority", "whole"],
] as const;

const completionProblems = (fields: Fields): readonly FieldProblem[] => [
  ...promptProblems(fields["prompt"] ?? null),
  ...kindProblems(completionFields, fields),
];

/** A prompt may be four things, and of each it is said why it is not: ids, lists of ids, a text, texts. */
function promptProblems(prompt: unknown): readonly FieldProblem[] {
  if (prompt === null || typeof prompt === "string") return [];
  const place = "body.prompt";
  if (!Array.isArray(prompt)) return [notList(place, prompt), notList(place, prompt), notText(place, prompt), notList(place, prompt)];
  const negative = prompt.findIndex((item) => typeof item === "number" && item < 0);
  if (negative === -1) return [];
  const input: unknown = prompt[negative];
  const item = `${place}.${negative}`;
  return [
    { type: "greater_than_equal", place: item, message: "Input should be greater than or equal to 0", input, context: "{'ge': 0}" },
    notList(item, input),
    notText(place, prompt),
    notText(item, input),
  ];
}

function completionContradiction(fields: Fields): HttpRefusal | null {
  const wrong = (name: string, message: string): HttpRefusal => badRequest(`${message} (parameter=${name})`, name);
  const stream = flagIn(fields, "stream");
  if (!stream && isFields(fields["stream_options"])) return wrong("stream_options", "Stream options can only be defined when `stream=True`.");
  if (stream && numberIn(fields, "prompt_logprobs") !== null) return wrong("prompt_logprobs", "`prompt_logprobs` are not available when `stream=True`.");
  const prompt = fields["prompt"] ?? "";
  return prompt === "" ? wrong("prompt", "Either prompt or prompt_embeds must be provided and non-empty.") : null;
}

function completionProblem(
  fields: Fields,
  prompts: readonly Prompt[],
  lengths: readonly number[],
  cap: number,
  server: MockServerFacts,
  options: VllmOptions,
): HttpRefusal | null {
  if ((fields["suffix"] ?? "") !== "") return badRequest("suffix is only supported for models with FIM completion rendering", "suffix");
  if (prompts.length === 0) return badRequest("You must pass at least one prompt", null);
  for (const [place, prompt] of prompts.entries()) {
    const beyond = typeof prompt === "string" ? undefined : prompt.find((id) => id >= options.vocabularySize);
    if (beyond !== undefined) return badRequest(`Token id ${beyond} is out of vocabulary`, null);
    const letters = typeof prompt === "string" ? prompt.length : null;
    const problem = lengthProblem(server, { tokens: lengths[place] ?? 0, letters }, { field: "max_tokens", tokens: cap }, options.lettersPerTokenMax);
    if (problem !== null) return problem;
  }
  return samplingProblem({ ...fields, max_tokens: cap }, options.vocabularySize);
}
