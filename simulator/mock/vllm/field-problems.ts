import { openAiError, type HttpRefusal } from "../http-refusal.ts";
import { type Fields, isFields } from "../../../router/core/fields.ts";
import { pythonRepr, shownInput } from "./python-text.ts";

/**
 * What vLLM's body validation (pydantic) says: all that is wrong, the first ten in words. Numbers and booleans that stand in strings are taken as what they say.
 *
 * @property place from the body on, with dots @property context Python's text of what was expected
 */
export interface FieldProblem {
  readonly type: string;
  readonly place: string;
  readonly message: string;
  readonly input: unknown;
  readonly context?: string;
}

const shownMax = 10;

export function invalidFields(problems: readonly FieldProblem[]): HttpRefusal {
  const lines = problems.slice(0, shownMax).map(({ type, place, message, input, context }) => {
    const ctx = context === undefined ? "" : `, 'ctx': ${context}`;
    return `  {'type': '${type}', 'loc': '${place}', 'msg': ${pythonRepr(message)}, 'input': ${pythonRepr(shownInput(input))}${ctx}}`;
  });
  const more = problems.length > shownMax ? [`  ...and ${problems.length - shownMax} more errors`] : [];
  const head = `${problems.length} validation error${problems.length === 1 ? "" : "s"}:`;
  return openAiError(400, [head, ...lines, ...more].join("\n"), "Bad Request", problems[0]?.place ?? null, 400);
}

export const missing = (place: string, input: unknown): FieldProblem => ({ type: "missing", place, message: "Field required", input });

export const notText = (place: string, input: unknown): FieldProblem => ({ type: "string_type", place, message: "Input should be a valid string", input });

export const notList = (place: string, input: unknown): FieldProblem => ({ type: "list_type", place, message: "Input should be a valid list", input });

export const notLiteral = (place: string, expected: string, input: unknown): FieldProblem => ({
  type: "literal_error",
  place,
  message: `Input should be ${expected}`,
  input,
  context: `{'expected': ${pythonRepr(expected)}}`,
});

export type FieldKind = "whole" | "number" | "boolean";

const booleans = new Map<unknown, boolean>([
  ...["true", "1", "yes", "on", "t", "y"].map((word) => [word, true] as const),
  ...["false", "0", "no", "off", "f", "n"].map((word) => [word, false] as const),
  [1, true],
  [0, false],
]);

/** Null: it is one, or there is none. */
export function problemOf(kind: FieldKind, name: string, value: unknown): FieldProblem | null {
  if (value === undefined || value === null) return null;
  const found = kind === "boolean" ? booleanProblem(value) : numberProblem(kind, value);
  return found === null ? null : { type: found[0], place: `body.${name}`, message: found[1], input: value };
}

/** Of all the fields in a table. */
export const kindProblems = (table: readonly (readonly [name: string, kind: FieldKind])[], fields: Fields): readonly FieldProblem[] =>
  table.flatMap(([name, kind]) => problemOf(kind, name, fields[name]) ?? []);

type Found = readonly [type: string, message: string] | null;

function booleanProblem(value: unknown): Found {
  if (typeof value === "boolean" || booleans.has(typeof value === "string" ? value.toLowerCase() : value)) return null;
  if (typeof value === "string") return ["bool_parsing", "Input should be a valid boolean, unable to interpret input"];
  return ["bool_type", "Input should be a valid boolean"];
}

function numberProblem(kind: "whole" | "number", value: unknown): Found {
  const noun = kind === "whole" ? "integer" : "number";
  const type = kind === "whole" ? "int" : "float";
  if (typeof value === "string") {
    const fits = kind === "whole" ? /^\s*[+-]?\d+\s*$/.test(value) : value.trim() !== "" && !Number.isNaN(Number(value));
    return fits ? null : [`${type}_parsing`, `Input should be a valid ${noun}, unable to parse string as ${kind === "whole" ? "an" : "a"} ${noun}`];
  }
  if (typeof value !== "number") return [`${type}_type`, `Input should be a valid ${noun}`];
  if (kind === "number" || Number.isInteger(value)) return null;
  return ["int_from_float", "Input should be a valid integer, got a number with a fractional part"];
}

/** Of fields that were found to be valid; null: none is given. */
export function numberIn(fields: Fields, name: string): number | null {
  const value = fields[name];
  if (typeof value === "string" && value.trim() !== "") return Number(value);
  return typeof value === "number" ? value : null;
}

export function flagIn(fields: Fields, name: string): boolean {
  const value = fields[name];
  return value === true || booleans.get(typeof value === "string" ? value.toLowerCase() : value) === true;
}

export function fieldsIn(fields: Fields, name: string): Fields | null {
  const value = fields[name];
  return isFields(value) ? value : null;
}
