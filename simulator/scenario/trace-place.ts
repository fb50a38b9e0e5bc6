import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { nearestName } from "../../router/config/nearest.ts";
import { projectRoot } from "../../router/config/project-root.ts";
import type { Environment } from "../../router/config/secret.ts";
import type { ScenarioFile } from "./schema.ts";

export type TracePlace = { readonly kind: "found"; readonly path: string } | { readonly kind: "absent"; readonly reason: string };

/** Where the trace lies. @param folder that paths of the scenario are relative to. Only one under the shared folder may be absent: a checkout need not have it. */
export function placeOfTrace(trace: ScenarioFile["trace"], folder: string, env: Environment): TracePlace {
  if (trace.relativeTo === "scenario") return { kind: "found", path: resolve(folder, trace.file) };
  if (trace.relativeTo === "working-directory") return { kind: "found", path: resolve(trace.file) };
  const shared = sharedFolder(env);
  const path = join(shared, trace.file);
  if (existsSync(path)) return { kind: "found", path };
  if (!existsSync(shared))
    return { kind: "absent", reason: `the trace ${trace.file} lies in the shared folder, and ${shared} does not exist (set HEADGATE_SHARED to where it is)` };
  const near = existsSync(dirname(path)) ? nearestName(basename(path), readdirSync(dirname(path))) : null;
  return { kind: "absent", reason: `the shared folder ${shared} has no ${trace.file}${near === null ? "" : ` (did you mean "${near}"?)`}` };
}

function sharedFolder(env: Environment): string {
  const told = env["HEADGATE_SHARED"];
  return told === undefined || told === "" ? join(dirname(projectRoot()), "shared") : resolve(told);
}
