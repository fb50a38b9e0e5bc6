import { existsSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "./project-root.ts";

/** The folder of traces and recordings beside the checkout; null, and said, where a machine does not have it. */
export function sharedFolder(): string | null {
  const folder = process.env["HEADGATE_SHARED"] ?? path.join(projectRoot, "../shared");
  if (existsSync(folder)) return folder;
  process.stderr.write(`skipped: ${folder} does not exist (HEADGATE_SHARED says where it is)\n`);
  return null;
}
