/**
 * npm run fuzz [-- --requests 100000 --answers 100000 --heads 1000000 --connections 20000 --heap 200000 --seed 1 --from 0]: fuzzed requests and fuzzed provider answers against
 * the whole service in this process; heads of requests and whole connections as the fast lane and as Node's HTTP server alone read them; and the heap's slope over plain traffic
 * after warm-up. 0 leaves a part out. Exit 1 when anything crashed, hung, was answered in no dialect, or was read in two ways, or the heap grows.
 * A problem of requests and answers names its case and seed; `--seed S --from CASE --requests 1` and 0 for the other parts plays that one again. What a crash of the process
 * came from is not known: it was one of the 64 that were under way.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { readRequestHead } from "../../router/http/ingress/request-head.ts";
import { compareHeads } from "../support/fuzz/compare-heads.ts";
import { compareLanes } from "../support/fuzz/compare-lanes.ts";
import { fuzzAnswers, type FuzzReport, fuzzRequests } from "../support/fuzz/fuzz-run.ts";
import { heapSlope } from "../support/fuzz/heap-slope.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "100000" },
    answers: { type: "string", default: "100000" },
    heads: { type: "string", default: "1000000" },
    connections: { type: "string", default: "20000" },
    heap: { type: "string", default: "200000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
  },
});
const seed = Number(values.seed);
const from = Number(values.from);
const startedMs = performance.now();
const sinceStart = (): string => `${((performance.now() - startedMs) / 1000).toFixed(0)} s`;
const onProgress = (played: number, problems: number): void => void process.stderr.write(`${played} played, ${problems} problems, ${sinceStart()}\n`);
const plan = (count: string) => ({ count: Number(count), seed, from, atOnce: 64, onProgress });
/** Bytes a request: what a leak of one small object each would be several times. */
const slopeMax = 4;
let failed = false;

function tell(what: string, { played, statuses, problems }: FuzzReport): void {
  const counts = [...statuses].toSorted(([one], [other]) => one - other).map(([status, count]) => `${status}: ${count}`);
  process.stdout.write(`seed ${seed}, from case ${from}: ${played} ${what}, ${problems.length} problems, ${sinceStart()}; by status ${counts.join(", ")}\n`);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  failed ||= problems.length > 0;
}

if (plan(values.requests).count > 0) tell("fuzzed requests", await fuzzRequests(plan(values.requests)));
if (plan(values.answers).count > 0) tell("fuzzed answers", await fuzzAnswers(plan(values.answers)));
function tellCompared(what: string, { played, problems }: { readonly played: number; readonly problems: readonly string[] }): void {
  process.stdout.write(`\r${played} ${what}, ${problems.length} problems\n`);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  failed ||= problems.length > 0;
}

if (plan(values.heads).count > 0) tellCompared("heads, by the fast lane and by Node", await compareHeads(readRequestHead, Number(values.heads), seed));
if (plan(values.connections).count > 0) tellCompared("connections, with the fast lane and without", await compareLanes(Number(values.connections), seed));
if (Number(values.heap) > 0) {
  const { slope, samplesMb } = await heapSlope(Number(values.heap));
  process.stdout.write(
    `heap: ${slope.toFixed(2)} bytes a request over ${values.heap} (limit ${slopeMax}); MB ${samplesMb.map((mb) => mb.toFixed(2)).join(" ")}\n`,
  );
  failed ||= slope > slopeMax;
}
process.exit(failed ? 1 : 0);
