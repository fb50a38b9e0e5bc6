import type { z } from "zod";
import type { JsonSchema } from "./json-schema.ts";
import { suggestion } from "./nearest.ts";
import { shown } from "./scalars.ts";
import type { Fault } from "./scalars.ts";
import type { FieldPath } from "./yaml-source.ts";

const lookItUp = "the keys and their values stand in scenarios/config.schema.json";

/** A complaint of zod's in our words. @param known the schemas of this place */
export function describeIssue(issue: z.core.$ZodIssue, value: unknown, path: FieldPath, known: readonly JsonSchema[]): Fault {
  const last = String(path.at(-1));
  const description = known.find((form) => form.description !== undefined)?.description;
  if (issue.code === "custom") return describeCustom(issue, value, last, description);
  const names = last === "kind" ? known.flatMap((form) => form.const ?? []).map(String) : [];
  if (value === undefined) return { message: "is missing", fix: `add ${last}: ${names.length > 0 ? names.join(" or ") : (description ?? "")}`.trim() };
  if (issue.code === "invalid_type") return wrongType(issue.expected, value);
  if (issue.code === "too_small") return { message: "is empty", fix: `give at least ${String(issue.minimum)}` };
  if (issue.code === "invalid_key")
    return { message: `the name "${last}" is not usable`, fix: "use letters, digits and . _ : / - and begin with a letter or digit" };
  if (issue.code === "invalid_value") return notOneOf(value, issue.values.map(String));
  if (issue.code === "invalid_union")
    return names.length > 0 ? notOneOf(value, names) : { message: `${shown(value)} cannot stand here`, fix: description ?? lookItUp };
  return { message: issue.message, fix: lookItUp };
}

function describeCustom(issue: z.core.$ZodIssueCustom, value: unknown, name: string, description: string | undefined): Fault {
  const fix: unknown = issue.params?.["fix"];
  const said = typeof fix === "string" ? fix : lookItUp;
  return value === undefined
    ? { message: "is missing", fix: `add ${name}: ${said}${description === undefined ? "" : ` (${description})`}` }
    : { message: issue.message, fix: said };
}

function wrongType(expected: string, value: unknown): Fault {
  if (expected === "array") return { message: `must be a list, not ${shown(value)}`, fix: 'write [one, other] or one "- item" a line' };
  const wanted = expected === "object" || expected === "record" ? "a mapping" : `a ${expected}`;
  return { message: `must be ${wanted}, not ${shown(value)}`, fix: `give ${wanted}` };
}

function notOneOf(value: unknown, names: readonly string[]): Fault {
  const fix = typeof value === "string" ? suggestion(value, names) : `write one of ${names.join(", ")}`;
  return { message: `${shown(value)} is not one of ${names.join(", ")}`, fix };
}
