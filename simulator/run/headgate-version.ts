import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../scenario/trace-place.ts";

export function headgateVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(projectRoot(), "package.json"), "utf8"));
  const version: unknown = typeof manifest === "object" && manifest !== null ? Reflect.get(manifest, "version") : undefined;
  return typeof version === "string" ? version : "unknown";
}
