import { jsonSchemaOf } from "../router/config/json-schema.ts";
import { scenarioSchema } from "../simulator/scenario/schema.ts";

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly required?: readonly string[];
}

const head = `# Keys of a scenario file

Written by \`node scripts/generate.ts\` from the schema that files are checked by; [scenarios.md](scenarios.md) says how they work together. Keys of \`config\` are those of the
router's own configuration. \`*\` stands for a deployment's name, \`[]\` for the entries of a list. Durations have a unit: \`250ms\`, \`1.5s\`, \`2m\`, \`1h\`.

| key | value | default | meaning |
|---|---|---|---|
`;

/** Every key of a scenario as a table in Markdown. */
export function scenarioKeys(): string {
  const rows = rowsOf(jsonSchemaOf(scenarioSchema) as Schema, "", true);
  return `${head}${[...new Set(rows)].join("\n")}\n`;
}

function rowsOf(schema: Schema, path: string, required: boolean): readonly string[] {
  if (path === "config") return [row(path, "path or mapping", "**required**", schema.description)];
  const below = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const own = path === "" ? [] : [row(path, valueOf(schema), defaultOf(schema, required), schema.description)];
  const inner = below.flatMap((form) => [
    ...Object.entries(form.properties ?? {}).flatMap(([name, property]) => {
      const place = `${path}${path === "" ? "" : "."}${name}`;
      if (property.const !== undefined) return [];
      return rowsOf(property, place, form.required?.includes(name) === true && property.default === undefined);
    }),
    ...(form.items === undefined ? [] : rowsOf(form.items, `${path}[]`, true).slice(1)),
    ...(typeof form.additionalProperties === "object" ? rowsOf(form.additionalProperties, `${path}.*`, true).slice(1) : []),
  ]);
  const kinds = below.flatMap((form) => kindOf(form) ?? []);
  const choice =
    kinds.length === 0 ? [] : [row(`${path}${schema.items === undefined ? "" : "[]"}.kind`, kinds.join(", "), "**required**", "Which of them it is")];
  return [...own, ...choice, ...inner];
}

const kindOf = (schema: Schema): string | null => {
  const kind = schema.properties?.["kind"]?.const;
  return typeof kind === "string" ? kind : null;
};

function valueOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map(String).join(", ");
  if (schema.items !== undefined) return "list";
  if (schema.properties !== undefined || schema.additionalProperties !== undefined || schema.oneOf !== undefined) return "mapping";
  if (schema.pattern?.includes("us|ms|s") === true) return "duration";
  if (schema.anyOf !== undefined) return schema.anyOf.map(valueOf).join(" or ");
  return typeof schema.type === "string" ? schema.type : (schema.type ?? ["any"]).join(" or ");
}

function defaultOf(schema: Schema, required: boolean): string {
  if (schema.default === undefined) return required ? "**required**" : "";
  const text = JSON.stringify(schema.default);
  return text === "{}" || text === "[]" ? "" : `\`${typeof schema.default === "string" ? schema.default : text}\``;
}

const row = (path: string, value: string, fallback: string, meaning = ""): string =>
  `| \`${path}\` | ${value} | ${fallback} | ${meaning.replaceAll("|", "\\|")} |`;
