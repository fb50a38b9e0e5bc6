import { scalar, shown } from "./scalars.ts";
import type { Parsed } from "./scalars.ts";

/** Where a provider's key is found. Never the key itself. */
export type KeyReference = { readonly kind: "environment"; readonly name: string } | { readonly kind: "file"; readonly path: string };
/** @property file of a service account or a workload identity; null: what the environment provides (application default credentials) */
export type ProviderKey = KeyReference | { readonly kind: "google"; readonly file: string | null };

export function keyName(key: ProviderKey | null): string {
  switch (key?.kind) {
    case undefined:
      return "no-key";
    case "environment":
      return `env:${key.name}`;
    case "file":
      return `file:${key.path}`;
    case "google":
      return `google:${key.file ?? "default"}`;
  }
}

const fix = "write ${ENV_NAME}, { env: ENV_NAME } or { file: path }";
const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const providerKey = scalar(
  {
    description:
      "Where the provider's key is: an environment variable or a file; of Vertex also { google: default } or { google: credentials.json }, whose access tokens are fetched in the background. Never the key itself.",
    anyOf: [
      { type: "string", pattern: String.raw`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$` },
      { type: "object", properties: { env: { type: "string" } }, required: ["env"], additionalProperties: false },
      { type: "object", properties: { file: { type: "string" } }, required: ["file"], additionalProperties: false },
      { type: "object", properties: { google: { type: "string" } }, required: ["google"], additionalProperties: false },
    ],
    examples: ["${POOL_A_KEY}"],
  },
  (value): Parsed<ProviderKey> => {
    if (typeof value !== "object" || value === null || !("google" in value)) return parseKey(value);
    const { google } = value;
    if (typeof google !== "string" || google === "" || Object.keys(value).length !== 1)
      return { message: "google must be default, or the path of a credentials file", fix: "write { google: default } or { google: credentials.json }" };
    return { value: { kind: "google", file: google === "default" ? null : google } };
  },
);

export function parseKey(value: unknown): Parsed<KeyReference> {
  if (typeof value === "string") {
    const name = /^\$\{([^}]*)\}$/.exec(value.trim())?.[1];
    // The text may be a key: it is not repeated in the message.
    if (name === undefined) return { message: "a key must not stand in the file, where it ends up in version control and logs", fix };
    return parseName(name);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { message: `must say where the key is, not ${shown(value)}`, fix };
  const entries: readonly [string, unknown][] = Object.entries(value);
  const [field, content] = entries[0] ?? [];
  if (entries.length !== 1 || typeof content !== "string" || content === "") return { message: "must have exactly one of env and file, with a text", fix };
  if (field === "file") return { value: { kind: "file", path: content } };
  return field === "env" ? parseName(content) : { message: `unknown key ${shown(field)}`, fix };
}

/** What is no name may be the key itself: it is not repeated either. */
function parseName(name: string): Parsed<KeyReference> {
  if (environmentName.test(name)) return { value: { kind: "environment", name } };
  return { message: "is no name of an environment variable", fix };
}
