import { configSchema } from "../../router/config/schema.ts";
import { jsonSchemaOf } from "../../router/config/json-schema.ts";
import { scenarioSchema } from "./schema.ts";

/** What editors read, by the name of the file beside the scenarios. */
export function jsonSchemas(): Readonly<Record<string, string>> {
  return { "config.schema.json": written(configSchema), "scenario.schema.json": written(scenarioSchema) };
}

const written = (schema: Parameters<typeof jsonSchemaOf>[0]): string => `${JSON.stringify(jsonSchemaOf(schema), null, 2)}\n`;
