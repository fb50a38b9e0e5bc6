import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { laterNode } from "../support/later-node.ts";
import { projectRoot } from "../support/project-root.ts";

const printed = new Map<string, string>();

/** What `simulate` prints in a process of its own. @param run another one prints anew */
function bytesOn(node: string, seed: number, run = 1): string {
  const key = `${node} ${seed} ${run}`;
  const known = printed.get(key) ?? printOn(node, seed);
  printed.set(key, known);
  return known;
}

function printOn(node: string, seed: number): string {
  const run = spawnSync(node, [path.join(projectRoot, "headgate.ts"), "simulate", "scenarios/demo.yaml", "--seed", String(seed), "--json"], {
    cwd: projectRoot,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  expect([run.status, run.status === 0 ? "" : run.stderr]).toEqual([0, ""]);
  return run.stdout;
}

/** Null: none. */
function firstDifference(one: string, other: string): string | null {
  if (one === other) return null;
  let place = 0;
  while (one[place] === other[place]) place += 1;
  const shown = (text: string): string => JSON.stringify(text.slice(Math.max(0, place - 40), place + 20));
  return `at byte ${place}: ${shown(one)} and ${shown(other)}`;
}

test("I4: two processes give the same bytes for the same seed, and other bytes for another", () => {
  const first = bytesOn(process.execPath, 1);
  expect(firstDifference(first, bytesOn(process.execPath, 1, 2))).toBeNull();
  expect(firstDifference(first, bytesOn(process.execPath, 2))).not.toBeNull();
});

test("I4: a later major of Node gives the same bytes", { timeout: 300_000 }, ({ skip }) => {
  const later = laterNode();
  if (later.kind === "absent") {
    process.stderr.write(`\nSKIPPED: the same bytes on two majors of Node: ${later.reason}\n\n`);
    skip(later.reason);
    return;
  }
  expect(Number(/\d+/.exec(later.version)?.[0])).toBeGreaterThan(Number(/\d+/.exec(process.version)?.[0]));
  for (const seed of [1, 2]) expect(firstDifference(bytesOn(process.execPath, seed), bytesOn(later.node, seed))).toBeNull();
});

test("the comparison catches a planted difference in the last digit of one figure", () => {
  const bytes = bytesOn(process.execPath, 1);
  const planted = bytes.replace(/(\.\d+)(\d)(\D)/, (_whole, before: string, digit: string, after: string) => `${before}${(Number(digit) + 1) % 10}${after}`);
  expect(planted).toHaveLength(bytes.length);
  expect(firstDifference(bytes, planted)).toMatch(/^at byte \d+: /);
});
