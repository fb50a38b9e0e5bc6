import type { z } from "zod";
import { describeIssue } from "./describe-issue.ts";
import { formsAt } from "./json-schema.ts";
import { suggestion } from "./nearest.ts";
import type { Problem } from "./problem.ts";
import { valueAt } from "./value-at.ts";
import { describePath, problemAt } from "./yaml-source.ts";
import type { FieldPath, Part, YamlSource } from "./yaml-source.ts";

/** A mapping within a YAML file: the whole of it, or (an inline configuration) a part. Paths are relative to `base`. */
export interface YamlPlace {
  readonly source: YamlSource;
  readonly base: FieldPath;
  /** Where a path from the whole's root really stands, when the whole was put together from several files and options. */
  readonly locate?: (path: FieldPath) => YamlSpot;
}

/** A path within a file, or an option of the command line. */
export type YamlSpot = { readonly source: YamlSource; readonly path: FieldPath } | { readonly option: string };

export function problemIn(place: YamlPlace, path: FieldPath, part: Part, message: string, fix: string): Problem {
  const whole = [...place.base, ...path];
  const spot = place.locate?.(whole) ?? { source: place.source, path: whole };
  if ("source" in spot) return problemAt(spot.source, spot.path, part, message, fix);
  return { file: spot.option, line: null, column: null, field: describePath(whole), message, fix };
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

const knownKeys = (schema: z.ZodType, root: unknown, path: FieldPath): readonly string[] => [
  ...new Set(formsAt(schema, root, path).flatMap((form) => Object.keys(form.properties ?? {}))),
];
