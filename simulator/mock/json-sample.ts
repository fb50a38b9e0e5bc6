import { isFields } from "../../router/core/fields.ts";

/** A value that a JSON schema allows, as small as it may be: what is required, the first of what is listed, a word for a text. */
export function jsonSample(schema: unknown): unknown {
  if (!isFields(schema)) return "word";
  if (schema["const"] !== undefined) return schema["const"];
  if (Array.isArray(schema["enum"])) return schema["enum"][0] ?? null;
  const options = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(options)) return jsonSample(options[0]);
  return sampleOfType(Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"], schema);
}

function sampleOfType(type: unknown, schema: Readonly<Record<string, unknown>>): unknown {
  if (type === "boolean") return true;
  if (type === "null") return null;
  if (type === "integer" || type === "number") return typeof schema["minimum"] === "number" ? schema["minimum"] : 1;
  if (type === "array") return arraySample(schema);
  const isObject = type === "object" || isFields(schema["properties"]) || Array.isArray(schema["required"]);
  return isObject ? objectSample(schema) : "word";
}

function arraySample(schema: Readonly<Record<string, unknown>>): readonly unknown[] {
  return typeof schema["minItems"] === "number" && schema["minItems"] > 0 ? [jsonSample(schema["items"])] : [];
}

function objectSample(schema: Readonly<Record<string, unknown>>): object {
  const properties = isFields(schema["properties"]) ? schema["properties"] : {};
  const required: readonly unknown[] = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.fromEntries(required.map((field) => [String(field), jsonSample(properties[String(field)])]));
}
