import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "./project-root.ts";

const major = 26;

export type LaterNode = { readonly kind: "found"; readonly node: string; readonly version: string } | { readonly kind: "absent"; readonly reason: string };

/** A later major of Node than the one at work, kept under .headgate; brought from the registry when it is not there yet. */
export function laterNode(): LaterNode {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const folder = path.join(projectRoot, ".headgate", `node-${major}`);
  const node = path.join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  const kept = ["--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--loglevel=error"];
  if (!existsSync(node)) {
    const npm = spawnSync("npm", ["install", "--prefix", folder, ...kept, `${name}@${major}`], { encoding: "utf8", timeout: 240_000 });
    if (npm.status !== 0 || !existsSync(node)) return { kind: "absent", reason: `${name}@${major} cannot be installed: ${whatFailed(npm)}` };
  }
  const asked = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (asked.status !== 0) return { kind: "absent", reason: `${node} does not run: ${whatFailed(asked)}` };
  return { kind: "found", node, version: asked.stdout.trim() };
}

function whatFailed({ error, stderr }: { readonly error?: Error; readonly stderr: string }): string {
  return error?.message ?? stderr.trim().split("\n").at(-1) ?? "no reason given";
}
