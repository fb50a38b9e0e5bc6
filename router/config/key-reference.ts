import { scalar, shown } from "./scalars.ts";
import type { Parsed } from "./scalars.ts";

/** Where a provider's key is found. Never the key itself. */
export type KeyReference = { readonly kind: "environment"; readonly name: string } | { readonly kind: "file"; readonly path: string };

export const keyName = (key: KeyReference | null): string => (key === null ? "no-key" : key.kind === "environment" ? `env:${key.name}` : `file:${key.path}`);

const fix = "write ${ENV_NAME}, { env: ENV_NAME } or { file: path }";
const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const keyReference = scalar(
  {
    description: "Where the provider's key is: an environment variable or a file. Never the key itself.",
    anyOf: [
      { type: "string", pattern: String.raw`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$` },
      { type: "object", properties: { env: { type: "string" } }, required: ["env"], additionalProperties: false },
      { type: "object", properties: { file: { type: "string" } }, required: ["file"], additionalProperties: false },
    ],
    examples: ["${POOL_A_KEY}"],
  },
  parseKey,
);

export function parseKey(value: unknown): Parsed<KeyReference> {
  if (typeof value === "string") {
    const name = /^\$\{([^}]*)\}$/.exec(value.trim())?.[1];
    // The text may be a key: it is not repeated in the message.
    if (name === undefined) return { message: "a key must not stand in the file, where it ends up in version control and logs", fix };
    return environmentName.test(name) ? { value: { kind: "environment", name } } : { message: `${shown(name)} is no name of an environment variable`, fix };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { message: `must say where the key is, not ${shown(value)}`, fix };
  const entries: readonly [string, unknown][] = Object.entries(value);
  const [field, content] = entries[0] ?? [];
  if (entries.length !== 1 || typeof content !== "string" || content === "") return { message: "must have exactly one of env and file, with a text", fix };
  if (field === "file") return { value: { kind: "file", path: content } };
  if (field !== "env") return { message: `unknown key ${shown(field)}`, fix };
  return environmentName.test(content)
    ? { value: { kind: "environment", name: content } }
    : { message: `${shown(content)} is no name of an environment variable`, fix };
}
