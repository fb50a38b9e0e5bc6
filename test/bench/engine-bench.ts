/**
 * node test/bench/engine-bench.ts [REQUESTS REPLICAS RATE INPUT OUTPUT]: requests per CPU second of the engines alone behind a bare least-loaded choice, against the
 * research prototype in ../shared/design/engine-prototype on the same requests, in turn, in fresh processes of the same Node. Last line: ratio X.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const rounds = 3;
const root = resolve(import.meta.dirname, "../..");
const prototype = join(process.env["HEADGATE_SHARED"] ?? resolve(root, "../shared"), "design/engine-prototype/speed.mjs");
const [requests = "200000", replicas = "16", rate = "160", input = "1024", output = "256"] = process.argv.slice(2);

if (!existsSync(prototype)) {
  console.log(`skipped: the prototype to compare with is not at ${prototype} (HEADGATE_SHARED names the folder)`);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), "headgate-engine-bench-"));
try {
  const dump = join(folder, "requests.csv");
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const printed = execFileSync(process.execPath, [prototype, requests, replicas, rate, input, output, "--dump", dump], { encoding: "utf8" });
    const theirs = Number(/(\d+) requests per CPU second/.exec(printed)?.[1]);
    const line = execFileSync(process.execPath, [join(import.meta.dirname, "engine-speed.ts"), dump, replicas], { encoding: "utf8" });
    const ours = JSON.parse(line) as { perCpuSecond: number; meanE2eSeconds: number };
    ratios.push(ours.perCpuSecond / theirs);
    console.log(
      `round ${round}: prototype ${theirs}, engine ${ours.perCpuSecond} requests per CPU second (mean E2E ${ours.meanE2eSeconds.toFixed(3)} s): ${ratios.at(-1)?.toFixed(1)}`,
    );
  }
  ratios.sort((one, other) => one - other);
  console.log(`${requests} requests, ${replicas} replicas, ${rate}/s, ${input}/${output} tokens; median of ${rounds} rounds, ${process.version}`);
  console.log(`ratio ${(ratios[Math.floor(rounds / 2)] ?? 0).toFixed(2)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
