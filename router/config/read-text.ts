import { readFileSync } from "node:fs";
import { InputError } from "./problem.ts";

/** @param fix where the file's name is from @throws InputError naming the file */
export function readText(file: string, what: string, fix = "check the path; it is relative to the working directory"): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    const message = code === "ENOENT" ? `there is no such ${what} file` : code === "EISDIR" ? "is a directory" : `cannot be read (${code})`;
    throw new InputError([{ file, line: null, column: null, field: null, message, fix }]);
  }
}
