import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { findImpurities, pureFolders } from "./find-impurities.ts";

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
}

const projectRoot = path.resolve(import.meta.dirname, "..");

/** Each tool by its script, so that it runs on this Node and not on whichever `node` the PATH names. */
const tools: readonly { readonly name: string; readonly script: string; readonly args: readonly string[] }[] = [
  { name: "types (tsc -b)", script: "typescript/bin/tsc", args: ["-b"] },
  { name: "lint (oxlint)", script: "oxlint/bin/oxlint", args: ["--deny-warnings"] },
  { name: "format (oxfmt --check)", script: "oxfmt/bin/oxfmt", args: ["--check"] },
  { name: "nothing unused (knip)", script: "knip/bin/knip.js", args: ["--no-progress"] },
];

/** What the compiler, the linter, the formatter, knip and the purity check say, printed to stderr as each ends. */
export async function runChecks(): Promise<readonly CheckResult[]> {
  const purity = printed(checkPurity());
  const others = tools.map(async (tool) => printed(await runTool(tool.name, path.join(projectRoot, "node_modules", tool.script), tool.args)));
  return [purity, ...(await Promise.all(others))];
}

function printed(result: CheckResult): CheckResult {
  process.stderr.write(`${result.passed ? "ok    " : "FAILED"} ${result.name}\n`);
  if (!result.passed) process.stderr.write(`${result.output.trim().replaceAll(/^/gm, "       ")}\n`);
  return result;
}

function runTool(name: string, script: string, args: readonly string[]): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: projectRoot, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: string): void => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => resolve({ name, passed: code === 0, output }));
  });
}

function checkPurity(): CheckResult {
  const found = Object.keys(pureFolders).flatMap((folder) =>
    globSync(`${folder}/**/*.ts`, { cwd: projectRoot }).flatMap((file) => {
      const slashed = file.split(path.sep).join("/");
      return findImpurities(slashed, readFileSync(path.join(projectRoot, file), "utf8"));
    }),
  );
  const output = found.map((impurity) => `${impurity.file}:${impurity.line}: ${impurity.what}`).join("\n");
  return { name: "purity of the cores", passed: found.length === 0, output };
}
