import { resultVersion } from "./run-result.ts";
import type { RunResult } from "./run-result.ts";

/** Keys in the order of the type, two blanks, a line break at the end: the same result, the same bytes. */
export function writeResult(result: RunResult): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}

export type ReadResult = { readonly kind: "read"; readonly result: RunResult } | { readonly kind: "unreadable"; readonly reason: string };

/** Our own files: they are told apart by version, not checked field by field. */
export function readResult(text: string): ReadResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: "unreadable", reason: `not JSON (${error instanceof Error ? error.message : String(error)})` };
  }
  const version: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "version") : undefined;
  const kind: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "kind") : undefined;
  if (kind !== "judged" && kind !== "not-applicable") return { kind: "unreadable", reason: "not a result of a run" };
  if (version !== resultVersion) return { kind: "unreadable", reason: `a result of version ${String(version)}; this program reads version ${resultVersion}` };
  return { kind: "read", result: value as RunResult };
}
