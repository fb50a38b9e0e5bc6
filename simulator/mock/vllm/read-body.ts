import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { type Fields, isFields } from "../../../router/core/fields.ts";
import { openAiError, type HttpRefusal } from "../http-refusal.ts";
import { type FieldProblem, invalidFields, missing } from "./field-problems.ts";
import { jsonProblem } from "./python-json.ts";

export type ReadBody = { readonly kind: "fields"; readonly fields: Fields } | { readonly kind: "refused"; readonly refusal: HttpRefusal };

const unreadable: HttpRefusal = { status: 400, body: '{"detail":"There was an error parsing the body"}', retryAfterSeconds: null };
const wrongMedia = openAiError(400, "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed", "Bad Request", null, 400);

const refused = (refusal: HttpRefusal): ReadBody => ({ kind: "refused", refusal });

/** A JSON object in the body, or what a vLLM server answers where there is none. */
export function readVllmBody(bytes: Buffer, headers: IncomingHttpHeaders): ReadBody {
  const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") return refused(wrongMedia);
  if (bytes.length === 0) return refused(invalidFields([missing("body", null)]));
  if (!isUtf8(bytes)) return refused(unreadable);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return refused(invalidFields([badJson(bytes)]));
  }
  if (isFields(value)) return { kind: "fields", fields: value };
  if (value === null) return refused(invalidFields([missing("body", null)]));
  const message = "Input should be a valid dictionary or object to extract fields from";
  return refused(invalidFields([{ type: "model_attributes_type", place: "body", message, input: value }]));
}

/** What a kind of request says of its fields: all that is wrong with each, and then the first thing that does not fit together. */
export interface BodyRules {
  problems(fields: Fields): readonly FieldProblem[];
  /** Absent: nothing is held together. */
  contradiction?(fields: Fields): HttpRefusal | null;
}

export function readByRules(bytes: Buffer, headers: IncomingHttpHeaders, rules: BodyRules): ReadBody {
  const read = readVllmBody(bytes, headers);
  if (read.kind === "refused") return read;
  const problems = rules.problems(read.fields);
  if (problems.length > 0) return refused(invalidFields(problems));
  const contradiction = rules.contradiction?.(read.fields) ?? null;
  return contradiction === null ? read : refused(contradiction);
}

function badJson(bytes: Buffer): FieldProblem {
  const { at, message } = jsonProblem(bytes.toString("utf8")) ?? { at: 0, message: "Expecting value" };
  const quoted = message.includes("'") ? `"${message}"` : `'${message}'`;
  return { type: "json_invalid", place: `body.${at}`, message: "JSON decode error", input: {}, context: `{'error': ${quoted}}` };
}
