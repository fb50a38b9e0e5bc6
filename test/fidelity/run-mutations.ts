/**
 * node test/fidelity/run-mutations.ts [RULE] [FROM]: breaks each rule of mutations.ts in a copy of the sources, and asks whether unit tests, fuzz or recordings notice. Who does not
 * come to an end in ten times what the unbroken sources took has noticed nothing: that is a verdict of its own. Exit 1 unless every broken rule is noticed.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { mutations } from "./mutations.ts";
import type { Mutation } from "./mutations.ts";

const root = path.resolve(import.meta.dirname, "../..");
const shared = process.env["HEADGATE_SHARED"] ?? path.resolve(root, "../shared");
const [only = "", from = "0"] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), "headgate-mutations-"));

interface Watcher {
  readonly name: string;
  readonly args: readonly string[];
}

const watchers: readonly Watcher[] = [
  // Without limits of their own: on a busy machine a test that takes long has noticed nothing.
  { name: "tests", args: ["node_modules/vitest/vitest.mjs", "run", "--testTimeout=0", "--bail=1", "test/unit/simulator/core/engine"] },
  { name: "fuzz", args: ["test/fidelity/run.ts", "--bail", "--fuzz", "400"] },
  { name: "recordings", args: ["test/fidelity/run.ts", "--schedules", path.join(shared, "calibration/vllm-schedules/dev")] },
  { name: "longer fuzz", args: ["test/fidelity/run.ts", "--bail", "--fuzz", "2000", "--seed", "401"] },
];

type Verdict = "passes" | "fails" | "timeout";

function watch(copy: string, { args }: Watcher, limitMs: number): Verdict {
  const { error, signal, status } = spawnSync(process.execPath, args, { cwd: copy, stdio: "ignore", timeout: limitMs });
  if (error !== undefined && "code" in error && error.code === "ETIMEDOUT") return "timeout";
  if (error !== undefined) throw error;
  return status === 0 && signal === null ? "passes" : "fails";
}

/** How long each watcher may take, milliseconds: ten times what it took with unbroken rules, a minute at least. */
function limitsOf(copy: string): Map<Watcher, number> {
  return new Map(
    watchers.map((watcher) => {
      const from = performance.now();
      const verdict = watch(copy, watcher, 1_200_000);
      if (verdict !== "passes") throw new Error(`${watcher.name}: ${verdict} with unbroken rules, so nothing can be learnt from broken ones`);
      return [watcher, Math.max(60_000, Math.ceil(10 * (performance.now() - from)))];
    }),
  );
}

/** The first that fails, else the first that did not end. */
function verdictOf(copy: string, limits: ReadonlyMap<Watcher, number>): { verdict: Verdict; by: string } {
  let hung: string | null = null;
  for (const [watcher, limitMs] of limits) {
    const verdict = watch(copy, watcher, limitMs);
    if (verdict === "fails") return { verdict, by: watcher.name };
    if (verdict === "timeout") hung ??= watcher.name;
  }
  return hung === null ? { verdict: "passes", by: "" } : { verdict: "timeout", by: hung };
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

const tally = { fails: 0, timeout: 0, passes: 0 };
try {
  const left = new Set(["node_modules", ".git", "dist", ".headgate"]);
  for (const part of readdirSync(root).filter((name) => !left.has(name))) cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const limits = limitsOf(folder);
  const chosen = mutations.slice(Number(from)).filter(({ rule }) => rule.includes(only));
  for (const mutation of chosen) {
    const place = path.join(folder, "simulator/core/engine", mutation.file);
    const source = readFileSync(place, "utf8");
    breakRule(folder, mutation);
    const { verdict, by } = verdictOf(folder, limits);
    writeFileSync(place, source);
    tally[verdict]++;
    const said = { fails: by.padEnd(11), timeout: `TIMEOUT (${by})`, passes: "UNNOTICED" };
    console.log(`${said[verdict]} ${mutation.rule}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const { fails, timeout, passes } = tally;
console.log(`${fails} of ${fails + timeout + passes} broken rules are noticed, ${timeout} only made somebody run out of time, ${passes} are unnoticed`);
process.exitCode = timeout + passes === 0 ? 0 : 1;
