import { z } from "zod";
import { suggestion } from "./nearest.ts";
import type { Problem } from "./problem.ts";
import { shown } from "./scalars.ts";
import { problemAt } from "./yaml-source.ts";
import type { FieldPath, Part, YamlSource } from "./yaml-source.ts";

/** A mapping within a YAML file: the whole of it, or (an inline configuration) a part. Paths are relative to `base`. */
export interface YamlPlace {
  readonly source: YamlSource;
  readonly base: FieldPath;
}

export function problemIn(place: YamlPlace, path: FieldPath, part: Part, message: string, fix: string): Problem {
  return problemAt(place.source, [...place.base, ...path], part, message, fix);
}

export type Checked<Value> = { readonly value: Value; readonly problems: readonly [] } | { readonly value: null; readonly problems: readonly Problem[] };

/** `value` by `schema`, or everything that is wrong with it, in the order of the file. */
export function checkYaml<Schema extends z.ZodType>(place: YamlPlace, value: unknown, schema: Schema): Checked<z.output<Schema>> {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) => problemsOf(place, value, schema, issue, []));
  return { value: null, problems: inFileOrder(problems) };
}

export function inFileOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0));
}

function problemsOf(place: YamlPlace, root: unknown, schema: z.ZodType, issue: z.core.$ZodIssue, above: FieldPath): readonly Problem[] {
  const path = [...above, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => problemIn(place, [...path, key], "key", `unknown key "${key}"`, suggestion(key, knownKeys(schema, root, path))));
  }
  if (issue.code === "invalid_union") {
    // The branch whose complaint lies deepest is the one that was meant.
    const branches = issue.errors.toSorted((one, other) => depthOf(other) - depthOf(one));
    const meant = branches[0];
    if (meant !== undefined && depthOf(meant) > 0) return meant.flatMap((inner) => problemsOf(place, root, schema, inner, path));
  }
  const value = valueAt(root, path);
  const { message, fix } = describeIssue(issue, value, path, formsAt(schema, root, path));
  const part: Part = issue.code === "invalid_key" ? "key" : "value";
  return [problemIn(place, path, part, message, fix)];
}

/** An unknown key lies within the mapping that was meant, though its path ends before it. */
const depthOf = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(0, ...issues.map((issue) => issue.path.length + (issue.code === "unrecognized_keys" ? 1 : 0)));

function describeIssue(
  issue: z.core.$ZodIssue,
  value: unknown,
  path: FieldPath,
  known: readonly JsonSchema[],
): { readonly message: string; readonly fix: string } {
  const last = path.at(-1);
  if (issue.code === "custom") {
    const fix: unknown = issue.params?.["fix"];
    const said = typeof fix === "string" ? fix : "see the documentation of this key";
    return value === undefined ? { message: "is missing", fix: `add ${String(last)}: ${said}` } : { message: issue.message, fix: said };
  }
  const description = known.find((form) => form.description !== undefined)?.description;
  const names = last === "kind" ? known.flatMap((form) => form.const ?? []).map(String) : [];
  if (value === undefined) return { message: "is missing", fix: `add ${String(last)}: ${names.length > 0 ? names.join(" or ") : (description ?? "")}`.trim() };
  switch (issue.code) {
    case "invalid_type": {
      const wanted = issue.expected === "object" || issue.expected === "record" ? "a mapping" : issue.expected === "array" ? "a list" : `a ${issue.expected}`;
      return { message: `must be ${wanted}, not ${shown(value)}`, fix: wanted === "a list" ? 'write [one, other] or one "- item" a line' : `give ${wanted}` };
    }
    case "too_small":
      return { message: "is empty", fix: `give at least ${String(issue.minimum)}` };
    case "invalid_key":
      return { message: `the name "${String(last)}" is not usable`, fix: "use letters, digits and . _ : / - and begin with a letter or digit" };
    case "invalid_union": {
      if (names.length === 0) return { message: `${shown(value)} cannot stand here`, fix: description ?? "see the documentation of this key" };
      return { message: `${shown(value)} is not one of ${names.join(", ")}`, fix: suggestion(String(value), names) };
    }
    case "invalid_value":
      return {
        message: `${shown(value)} is not one of ${issue.values.map(String).join(", ")}`,
        fix: typeof value === "string" ? suggestion(value, issue.values.map(String)) : "write one of them",
      };
    default:
      return { message: issue.message, fix: "see the documentation of this key" };
  }
}

function valueAt(root: unknown, path: FieldPath): unknown {
  let value: unknown = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly description?: string;
  readonly const?: unknown;
}

/** What editors read; also where the known keys of a place come from. */
export function jsonSchemaOf(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: "input" });
}

const knownKeys = (schema: z.ZodType, root: unknown, path: FieldPath): readonly string[] => [
  ...new Set(formsAt(schema, root, path).flatMap((form) => Object.keys(form.properties ?? {}))),
];

/** The schemas that may hold at a place, given the value: of alternatives told apart by a constant field, the one that was chosen. */
function formsAt(schema: z.ZodType, root: unknown, path: FieldPath): readonly JsonSchema[] {
  let places: readonly JsonSchema[] = [jsonSchemaOf(schema) as JsonSchema];
  for (const [index, step] of path.entries()) {
    const value = valueAt(root, path.slice(0, index));
    places = places
      .flatMap(forms)
      .filter((form) => agrees(form, value) || step === "kind")
      .flatMap((form) => below(form, step));
  }
  const value = valueAt(root, path);
  return places.flatMap(forms).filter((form) => agrees(form, value));
}

function agrees(form: JsonSchema, value: unknown): boolean {
  const constants = Object.entries(form.properties ?? {}).filter(([, property]) => property.const !== undefined);
  return constants.every(([name, property]) => typeof value !== "object" || value === null || Reflect.get(value, name) === property.const);
}
const forms = (schema: JsonSchema): readonly JsonSchema[] => [schema, ...(schema.anyOf ?? []).flatMap(forms), ...(schema.oneOf ?? []).flatMap(forms)];

function below(schema: JsonSchema, step: string | number): readonly JsonSchema[] {
  if (typeof step === "number") return schema.items === undefined ? [] : [schema.items];
  const property = schema.properties?.[step];
  if (property !== undefined) return [property];
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
}
