import { type MockBody, type Parsed, plainWishes, refused } from "../mock-body.ts";
import { tokenIdOf } from "../prompt-tokens.ts";
import { parseFields, serialOf } from "./body-fields.ts";
import type { AnswerForm, CallNames, MockRequest } from "./mock-dialect.ts";
import { optionalWhole } from "./openai-common.ts";
import { promptLength, promptsOf } from "./openai-completions.ts";
import { openAiRefusal } from "./openai-refusal.ts";

const dimensionsByDefault = 8;
const hashes = 2_000_003;

/**
 * Embeddings of OpenAI's own API. The model of the provider works on one output token for them, which is not charged. The numbers are made from the input's letters, so that
 * the same text has the same vector, of length 1.
 */
export function readOpenAiEmbeddings({ bytes, place }: MockRequest): Parsed {
  const fields = parseFields(bytes);
  const refuse = (message: string): Parsed => refused(openAiRefusal({ kind: "bad-request", message }));
  if (fields === null) return refuse("We could not parse the JSON body of your request.");
  const inputs = promptsOf(fields["input"]);
  if (inputs === null) return refuse("Missing required parameter: 'input'.");
  const texts = inputs.map((input) => (typeof input === "string" ? input : input.join(" ")));
  const body: MockBody = {
    model: place.model ?? (typeof fields["model"] === "string" ? fields["model"] : null),
    texts,
    inputTokens: inputs.reduce((sum, input) => sum + promptLength(input), 0),
    outputTokensMax: 1,
    outputTokensMin: 1,
    exactLength: true,
    stream: false,
    includeUsage: false,
    serial: serialOf(texts),
    calls: [],
    answers: 1,
    wishes: { ...plainWishes, dimensions: optionalWhole(fields["dimensions"]), repeated: { encoding_format: fields["encoding_format"] ?? "float" } },
  };
  return { kind: "body", body };
}

export function openAiEmbeddingsForm({ model }: CallNames, { texts, wishes }: MockBody): AnswerForm {
  const nothing = Buffer.alloc(0);
  const numbers = wishes.dimensions ?? dimensionsByDefault;
  return {
    opening: nothing,
    token: () => nothing,
    last: () => nothing,
    plain: (_reason, usage) => {
      const data = texts.map((text, index) => {
        const vector = vectorOf(text, numbers);
        return {
          object: "embedding",
          index,
          embedding: wishes.repeated["encoding_format"] === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector],
        };
      });
      return JSON.stringify({ object: "list", data, model, usage: { prompt_tokens: usage.input, total_tokens: usage.input } });
    },
  };
}

function vectorOf(text: string, numbers: number): Float32Array {
  const raw = Array.from({ length: numbers }, (_, place) => tokenIdOf(`${place} ${text}`, hashes) / hashes - 0.5);
  const length = Math.hypot(...raw) || 1;
  return Float32Array.from(raw, (value) => value / length);
}
