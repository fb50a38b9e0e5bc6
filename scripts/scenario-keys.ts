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
router's own configuration. \`*\` stands for a deployment's name, \`[]\` for the entries of a list; where only some kinds have a key, they stand before its meaning. Durations have a unit: \`250ms\`, \`1.5s\`, \`2m\`, \`1h\`.

| key | value | default | meaning |
|---|---|---|---|
`;

interface Row {
  readonly path: string;
  readonly value: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** Every key of a scenario as a table in Markdown. */
export function scenarioKeys(): string {
  const rows = rowsOf(jsonSchemaOf(scenarioSchema) as Schema, "", true).map(
    ({ path, value, fallback, meaning }) => `| \`${path}\` | ${value} | ${fallback} | ${meaning.replaceAll("|", "\\|")} |`,
  );
  return `${head}${[...new Set(rows)].join("\n")}\n`;
}

function rowsOf(schema: Schema, path: string, required: boolean): readonly Row[] {
  if (path === "config") return [row(path, "path or mapping", "**required**", schema.description)];
  if (path === "targets") return [row(path, "mapping", "", schema.description), ...boundRows(schema)];
  const forms = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const own = path === "" ? [] : [row(path, valueOf(schema), defaultOf(schema, required), schema.description)];
  const kinds = forms.flatMap((form) => kindOf(form) ?? []);
  const choice =
    kinds.length === 0 ? [] : [row(`${path}${schema.items === undefined ? "" : "[]"}.kind`, kinds.join(", "), "**required**", "Which of them it is")];
  return [...own, ...choice, ...withKinds(forms, path, kinds)];
}

function innerRows(form: Schema, path: string): readonly Row[] {
  return [
    ...Object.entries(form.properties ?? {}).flatMap(([name, property]) => {
      const place = `${path}${path === "" ? "" : "."}${name}`;
      if (property.const !== undefined) return [];
      return rowsOf(property, place, form.required?.includes(name) === true && property.default === undefined);
    }),
    ...(form.items === undefined ? [] : rowsOf(form.items, `${path}[]`, true).slice(1)),
    ...(typeof form.additionalProperties === "object" ? rowsOf(form.additionalProperties, `${path}.*`, true).slice(1) : []),
  ];
}

/** With the kinds that have a key, where not all do; what lies below it goes without saying. */
function withKinds(forms: readonly Schema[], path: string, all: readonly string[]): readonly Row[] {
  const rows = forms.flatMap((form) => innerRows(form, path).map((own) => ({ own, text: JSON.stringify(own), kind: kindOf(form) })));
  const depthOf = ({ path: key }: Row): number => key.split(".").length;
  const top = Math.min(...rows.map(({ own }) => depthOf(own)));
  return rows.map(({ own, text, kind }) => {
    if (depthOf(own) > top) return own;
    const kinds = rows.flatMap((other) => (other.text === text && other.kind !== null ? [other.kind] : []));
    return kind === null || new Set(kinds).size === all.length ? own : { ...own, meaning: `${[...new Set(kinds)].join(", ")}: ${own.meaning}` };
  });
}

/** All figures are bounded alike. */
function boundRows({ properties = {} }: Schema): readonly Row[] {
  const [bound] = Object.values(properties);
  const of = "targets.FIGURE";
  return [row(of, "mapping", "", "A figure by its name: results.md has all of them"), ...(bound === undefined ? [] : innerRows(bound, of))];
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

const row = (path: string, value: string, fallback: string, meaning = ""): Row => ({ path, value, fallback, meaning });
