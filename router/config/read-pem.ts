import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Parsed } from "./scalars.ts";

/** @param configFile what the path is relative to */
export function readPem(path: string, configFile: string): Parsed<string> {
  try {
    return { value: readFileSync(resolve(dirname(configFile), path), "utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return { message: `${path} cannot be read (${code})`, fix: "give the path of a readable PEM file, relative to the configuration" };
  }
}
