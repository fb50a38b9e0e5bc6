/**
 * npm run bench [-- REQUESTS REPLICAS RATE INPUT OUTPUT]: CPU seconds of the whole simulator (router and engines) against those of the research prototype
 * in ../shared/design/engine-prototype (engines alone, least-loaded choice, no router), on the same requests, in turn, in fresh processes of the same Node.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const rounds = 5;
const root = resolve(import.meta.dirname, "../..");
const prototype = join(process.env["HEADGATE_SHARED"] ?? resolve(root, "../shared"), "design/engine-prototype/speed.mjs");
const given = process.argv.slice(2);
const [requests = "20000", replicas = "16", rate = "160", input = "1024", output = "256"] = given;

if (!existsSync(prototype)) {
  console.log(`skipped: the prototype to compare with is not at ${prototype} (HEADGATE_SHARED names the folder)`);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), "headgate-bench-"));
try {
  const dump = join(folder, "requests.csv");
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const theirs = prototypeRun(dump);
    const ours = simulatorRun(dump);
    ratios.push(ours / theirs);
    console.log(`round ${round}: prototype ${theirs.toFixed(0)}, simulator ${ours.toFixed(0)} requests per CPU second: ${(ours / theirs).toFixed(2)}`);
  }
  ratios.sort((one, other) => one - other);
  console.log(`${requests} requests, ${replicas} replicas, ${rate}/s, ${input}/${output} tokens; median of ${rounds} rounds, ${process.version}`);
  console.log(`ratio ${(ratios[Math.floor(rounds / 2)] ?? 0).toFixed(2)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Requests per CPU second, as the prototype itself counts them. */
function prototypeRun(dump: string): number {
  const printed = execFileSync(process.execPath, [prototype, requests, replicas, rate, input, output, "--dump", dump], { encoding: "utf8" });
  const [, figure] = /(\d+) requests per CPU second/.exec(printed) ?? [];
  if (figure === undefined) throw new Error(`the prototype printed no figure: ${printed}`);
  return Number(figure);
}

function simulatorRun(dump: string): number {
  const printed = execFileSync(process.execPath, [join(import.meta.dirname, "simulate-requests.ts"), dump, replicas], { encoding: "utf8" });
  const { requests: played, served, cpuSeconds } = JSON.parse(printed) as { requests: number; served: number; cpuSeconds: number };
  if (served !== played) throw new Error(`${played - served} of ${played} requests were not served: the two did not do the same work`);
  return played / cpuSeconds;
}
