import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { inspect } from "node:util";
import type { KeyReference } from "./key-reference.ts";
import type { Parsed } from "./scalars.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A provider's key. It cannot be printed, logged or written by accident: only `reveal` gives it. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [inspect.custom](): string {
    return "[secret]";
  }
}

/** @param configFile what a key file's path is relative to */
export function resolveKey(key: KeyReference, env: Environment, configFile: string): Parsed<Secret> {
  if (key.kind === "environment") {
    const value = env[key.name];
    if (value === undefined || value.trim() === "")
      return { message: `the environment variable ${key.name} is not set`, fix: `export ${key.name}=... before the start` };
    return checkedSecret(value.trim(), key.name);
  }
  const path = resolve(dirname(configFile), key.path);
  try {
    const value = readFileSync(path, "utf8").trim();
    return value === "" ? { message: `the key file ${path} is empty`, fix: "write the key into it" } : checkedSecret(value, path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return { message: `the key file ${path} cannot be read (${code})`, fix: "give the path of a readable file, relative to the configuration" };
  }
}

function checkedSecret(value: string, from: string): Parsed<Secret> {
  // Anything else would break the header that it is sent in.
  if (!/^[\x21-\x7e]+$/.test(value))
    return { message: `the key from ${from} has characters that no header may carry`, fix: "check for line breaks, blanks and typographic quotes" };
  return { value: new Secret(value) };
}
