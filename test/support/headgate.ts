import { spawnSync } from "node:child_process";
import path from "node:path";
import { projectRoot } from "./project-root.ts";

/** Runs the executable as a process, in the checkout, on this Node. */
export function headgate(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { DEBUG: _debug, ...clean } = process.env;
  return spawnSync(process.execPath, [path.join(projectRoot, "headgate.ts"), ...args], {
    cwd: projectRoot,
    encoding: "utf8",
    env: { ...clean, ...env },
    maxBuffer: 1 << 26,
  });
}
