import { configSchema } from "../../router/config/schema.ts";
import { jsonSchemaOf } from "../../router/config/json-schema.ts";
import { scenarioSchema } from "./schema.ts";

/** What editors read, by the name of the file beside the scenarios. */
export function jsonSchemas(): Readonly<Record<string, string>> {
  const scenario = jsonSchemaOf(scenarioSchema);
  return {
    "config.schema.json": written(jsonSchemaOf(configSchema)),
    "scenario.schema.json": written(scenario),
    "scenario-extension.schema.json": written(withoutRequired(scenario)),
  };
}

const written = (schema: unknown): string => `${JSON.stringify(schema, null, 2)}\n`;

/** For files that extend another: nothing has to stand in them. Alternatives are then no longer told apart by what they require. */
function withoutRequired(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRequired);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(([name, value]) => !(name === "required" && Array.isArray(value)));
  return Object.fromEntries(kept.map(([name, value]) => [name === "oneOf" ? "anyOf" : name, withoutRequired(value)]));
}
