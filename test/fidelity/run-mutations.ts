/**
 * node test/fidelity/run-mutations.ts [RULE] [FROM]: breaks each rule of mutations.ts in a copy of the sources, and asks whether unit tests, fuzz or recordings notice. Exit 1 if one
 * goes unnoticed.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { mutations } from "./mutations.ts";
import type { Mutation } from "./mutations.ts";

const root = path.resolve(import.meta.dirname, "../..");
const shared = process.env["HEADGATE_SHARED"] ?? path.resolve(root, "../shared");
const [only = "", from = "0"] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), "headgate-mutations-"));

/** Null: nobody noticed. */
function noticedBy(copy: string): string | null {
  const attempts = [
    ["tests", "node_modules/vitest/vitest.mjs", "run", "test/unit/simulator/core/engine"],
    ["fuzz", "test/fidelity/run.ts", "--fuzz", "400"],
    ["recordings", "test/fidelity/run.ts", "--schedules", path.join(shared, "calibration/vllm-schedules/dev")],
    ["longer fuzz", "test/fidelity/run.ts", "--fuzz", "2000", "--seed", "401"],
  ];
  for (const [name = "", ...args] of attempts) {
    try {
      execFileSync(process.execPath, args, { cwd: copy, stdio: "ignore", timeout: 120_000 });
    } catch {
      return name;
    }
  }
  return null;
}

function breakRule(copy: string, { file, text, instead }: Mutation): void {
  const place = path.join(copy, "simulator/core/engine", file);
  const source = readFileSync(place, "utf8");
  if (source.split(text).length !== 2) throw new Error(`${file}: the text of the rule must stand there once: ${text}`);
  writeFileSync(
    place,
    source.replace(text, () => instead),
  );
}

let unnoticed = 0;
let tried = 0;
try {
  const left = new Set(["node_modules", ".git", "dist", ".headgate"]);
  for (const part of readdirSync(root).filter((name) => !left.has(name))) cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const before = noticedBy(folder);
  if (before !== null) throw new Error(`${before} fail with unbroken rules: nothing can be learnt from their failing with broken ones`);
  const chosen = mutations.slice(Number(from)).filter(({ rule }) => rule.includes(only));
  for (const mutation of chosen) {
    const place = path.join(folder, "simulator/core/engine", mutation.file);
    const source = readFileSync(place, "utf8");
    tried++;
    breakRule(folder, mutation);
    const noticed = noticedBy(folder);
    writeFileSync(place, source);
    if (noticed === null) unnoticed++;
    console.log(`${noticed === null ? "UNNOTICED" : noticed.padEnd(11)} ${mutation.rule}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${tried - unnoticed} of ${tried} broken rules are noticed`);
process.exitCode = unnoticed === 0 ? 0 : 1;
