import type { IncomingHttpHeaders } from "node:http";
import { type Fields, isFields } from "../../../router/core/fields.ts";
import { type AnswerWishes, plainWishes } from "../mock-body.ts";
import { jsonSample } from "../json-sample.ts";
import { fieldsIn, flagIn, numberIn } from "./field-problems.ts";

const endTokenId = "2";
const certain = 100;

/** What chats and completions of vLLM have in common beside their lengths. */
export function readWishes(fields: Fields, headers: IncomingHttpHeaders): AnswerWishes {
  const stop = fields["stop"];
  const bias = fieldsIn(fields, "logit_bias");
  const stream = flagIn(fields, "stream");
  const includeUsage = fieldsIn(fields, "stream_options")?.["include_usage"] === true;
  return {
    ...plainWishes,
    stop: typeof stop === "string" ? [stop] : textsOf(stop),
    includeStop: flagIn(fields, "include_stop_str_in_output"),
    stopTokenIds: Array.isArray(fields["stop_token_ids"]) ? fields["stop_token_ids"].filter((id) => typeof id === "number") : [],
    endAtOnce: bias !== null && (numberIn(bias, endTokenId) ?? 0) >= certain,
    ignoreEnd: flagIn(fields, "ignore_eos"),
    promptLogprobs: numberIn(fields, "prompt_logprobs"),
    tokenIds: flagIn(fields, "return_token_ids"),
    echo: flagIn(fields, "echo"),
    continuousUsage: stream && includeUsage && fieldsIn(fields, "stream_options")?.["continuous_usage_stats"] === true,
    roughUsage: flagIn(fields, "use_beam_search"),
    text: structuredText(fields),
    requestId: headerOf(headers, "x-request-id") ?? (typeof fields["request_id"] === "string" ? fields["request_id"] : null),
    cacheSalt: typeof fields["cache_salt"] === "string" ? fields["cache_salt"] : "",
    priority: numberIn(fields, "priority") ?? 0,
  };
}

/** What a grammar would have made of the answer; null: there is none, or one that is not known here. */
function structuredText(fields: Fields): string | null {
  const format = fieldsIn(fields, "response_format");
  if (format?.["type"] === "json_object") return "{}";
  const schema = fieldsIn(format ?? {}, "json_schema");
  if (format?.["type"] === "json_schema" && schema !== null) return JSON.stringify(jsonSample(schema["schema"]));
  const choices = fieldsIn(fields, "structured_outputs")?.["choice"];
  return textsOf(choices)[0] ?? null;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === "string" ? value : null;
}

/** Ids that a schema's `type` may be. */
const schemaTypes = ["string", "number", "integer", "boolean", "object", "array", "null"];

/** The first type in a schema that is none; null: all are. */
export function unknownSchemaType(fields: Fields): string | null {
  const schema = fieldsIn(fieldsIn(fields, "response_format") ?? {}, "json_schema")?.["schema"];
  const type = isFields(schema) ? schema["type"] : undefined;
  return typeof type === "string" && !schemaTypes.includes(type) ? type : null;
}
