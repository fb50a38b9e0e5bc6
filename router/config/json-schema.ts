import { z } from "zod";
import { valueAt } from "./value-at.ts";
import type { FieldPath } from "./yaml-source.ts";

/** The part of JSON Schema that is walked here. */
export interface JsonSchema {
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

const written = new WeakMap<z.ZodType, JsonSchema>();

/** The schemas that may hold at a place, given the value: of alternatives told apart by a constant field, the one that was chosen. */
export function formsAt(schema: z.ZodType, root: unknown, path: FieldPath): readonly JsonSchema[] {
  const whole = written.get(schema) ?? (jsonSchemaOf(schema) as JsonSchema);
  written.set(schema, whole);
  let places: readonly JsonSchema[] = [whole];
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
