import type { Fields } from "../../../router/core/fields.ts";
import { textsOfMessages } from "../dialects/body-fields.ts";
import type { AnswerForm, MockOperation } from "../dialects/mock-dialect.ts";
import { type Parsed, refused } from "../mock-body.ts";
import { tokenIdOf, wordsOf } from "../prompt-tokens.ts";
import { flagIn, invalidFields, missing, notList } from "./field-problems.ts";
import { readVllmBody } from "./read-body.ts";
import { vllmRefusal } from "./vllm-refusal.ts";
import type { VllmOptions } from "./vllm-options.ts";

const neverFormed = (): AnswerForm => {
  throw new Error("answered at once: there is no answer of an engine to form");
};

function toldAtOnce(tell: (fields: Fields) => Parsed): MockOperation {
  return {
    form: neverFormed,
    refusal: vllmRefusal,
    parse: ({ bytes, headers }) => {
      const read = readVllmBody(bytes, headers);
      return read.kind === "refused" ? read : tell(read.fields);
    },
  };
}

/** `/tokenize` and `/detokenize`: ids are made from the words; which words they were made from is forgotten. */
export function tokenizeOperation(options: VllmOptions): MockOperation {
  return toldAtOnce((fields) => {
    const { prompt, messages } = fields;
    if (typeof prompt !== "string" && !Array.isArray(messages))
      return refused(invalidFields([missing("body.prompt", fields), missing("body.messages", fields)]));
    const words = wordsOf(typeof prompt === "string" ? [prompt] : textsOfMessages(messages as readonly unknown[]));
    const template = typeof prompt === "string" ? 0 : (messages as readonly unknown[]).length * options.templateTokens.message + options.templateTokens.end;
    const tokens = [...Array.from({ length: template }, () => 1), ...words.map((word) => tokenIdOf(word, options.vocabularySize))];
    const strings = flagIn(fields, "return_token_strs")
      ? [...Array.from({ length: template }, () => "<|template|>"), ...words.map((word) => `\u0120${word}`)]
      : null;
    return {
      kind: "told",
      model: typeof fields["model"] === "string" ? fields["model"] : null,
      tell: ({ modelTokensMax }) => ({ count: tokens.length, max_model_len: modelTokensMax, tokens, token_strs: strings }),
    };
  });
}

export function detokenizeOperation(options: VllmOptions): MockOperation {
  return toldAtOnce((fields) => {
    const { tokens } = fields;
    if (!Array.isArray(tokens)) return refused(invalidFields([tokens === undefined ? missing("body.tokens", fields) : notList("body.tokens", tokens)]));
    const known = tokens.filter((id) => typeof id === "number" && id < options.vocabularySize);
    return {
      kind: "told",
      model: typeof fields["model"] === "string" ? fields["model"] : null,
      tell: () => ({ prompt: known.map(() => " word").join("") }),
    };
  });
}
