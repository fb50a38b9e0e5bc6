/**
 * npm run bench [-- --rounds N] [--options] [--large] [REQUESTS REPLICAS RATE INPUT OUTPUT]: what the simulator costs, in CPU seconds (least and median over the
 * rounds), each run in a fresh process of the same Node, in turn with what it is compared with. --options: each option while it has nothing to do; --large: one and ten
 * million requests, and the memory they take. The last line, `ratio X`, is the whole simulator with the full router against the research prototype in
 * ../shared/design/engine-prototype (engines and a least-loaded choice alone) on the same requests: the median of the rounds' ratios. HEADGATE_DYNOSIM_PYTHON: a Python with ai-dynamo
 * 1.6.1 (pip install ai-dynamo==1.6.1 ai-dynamo-runtime==1.6.1), for a row of DynoSim's.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { dynosimSeconds, engineSeconds, prototype, prototypeSeconds, sharedPath, simulated, type YardstickArguments } from "./bench-child.ts";
import { idleOptions } from "./bench-options.ts";
import type { BenchRequests } from "./bench-workload.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "2" }, options: { type: "boolean" }, large: { type: "boolean" } },
});
const rounds = Number(values.rounds);
/** A run of less than half a second, and one that waits for memory, differ from round to round by more than what is asked for. */
const shortRoundsMin = 15;
const sizeRoundsMin = 21;
const given = positionals.map(Number);
const [requests = 200_000, replicas = 16, perSecond = 160, input = 1024, output = 256] = given;
const mooncakeTrace = join(sharedPath, "traces/mooncake_conversation_0-30min.jsonl.gz");
const folder = mkdtempSync(join(tmpdir(), "headgate-bench-"));

try {
  console.log(`CPU seconds, ${rounds} rounds, ${process.version}`);
  if (!existsSync(prototype)) console.log(`skipped: no prototype to compare with at ${prototype} (HEADGATE_SHARED names the folder)`);
  const ratio = existsSync(prototype) ? yardstick([requests, replicas, perSecond, input, output]) : null;
  if (existsSync(prototype) && given.length === 0) yardstick([5_000, 16, 20, 1024, 4000], Math.max(rounds, shortRoundsMin));
  if (given.length === 0) {
    mooncake();
    byReplicas();
    if (values.options === true) options();
    if (values.large === true) large();
  }
  if (ratio !== null) console.log(`ratio ${ratio.toFixed(2)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @returns how many times the whole simulator is faster */
function yardstick(asked: YardstickArguments, times = rounds): number {
  const dump = join(folder, "requests.csv");
  const theirs: number[] = [];
  const engines: number[] = [];
  const whole: number[] = [];
  inRounds(() => {
    theirs.push(prototypeSeconds(asked, dump));
    engines.push(engineSeconds(dump, asked[1]));
    whole.push(simulated({ requests: { kind: "dump", file: dump }, replicas: asked[1] }).cpuSeconds);
  }, times);
  heading(`${asked.join(" ")} (requests, replicas, per second, input, output)${times === rounds ? "" : `, ${times} rounds`}`);
  row("prototype", theirs);
  row("engines, least-loaded choice", engines, `x ${ratioOf(theirs, engines).toFixed(2)}`);
  row("whole simulator, full router", whole, `x ${ratioOf(theirs, whole).toFixed(2)}`);
  return ratioOf(theirs, whole);
}

function mooncake(): void {
  if (!existsSync(mooncakeTrace)) return;
  const unzipped = join(folder, "mooncake.jsonl");
  writeFileSync(unzipped, gunzipSync(readFileSync(mooncakeTrace)));
  const ours: number[] = [];
  const theirs: number[] = [];
  inRounds(() => {
    ours.push(simulated({ requests: { kind: "mooncake" }, replicas: 10, affinity: true }).cpuSeconds);
    const seconds = dynosimSeconds(unzipped, 10);
    if (seconds !== null) theirs.push(seconds);
  });
  heading("Mooncake, 30 minutes (5,719 requests), 10 workers of 16,384 blocks of 64 tokens, prefix affinity");
  row("whole simulator", ours);
  if (theirs.length > 0) row("DynoSim 1.6.1, kv_router", theirs, `x ${ratioOf(theirs, ours).toFixed(2)}`);
}

/** The same load on each replica, as many requests in all. */
function byReplicas(): void {
  const roundsHere = Math.max(rounds, sizeRoundsMin);
  heading(`by replicas, 10 requests a second each, 60,000 in all: us per request (${roundsHere} rounds)`);
  const sizes = [1, 4, 16, 64, 256];
  const costs = sizes.map((): number[] => []);
  inRounds(() => {
    for (const [place, size] of sizes.entries()) costs[place]?.push(simulated({ requests: made(60_000, 10 * size), replicas: size }).cpuSeconds);
  }, roundsHere);
  for (const [place, size] of sizes.entries()) {
    const us = (costs[place] ?? []).map((seconds) => (seconds * 1e6) / 60_000);
    const before = costs[place - 1];
    // Two doublings from row to row.
    const growth = before === undefined ? "" : `${signed(100 * (Math.sqrt(1 / ratioOf(before, costs[place] ?? [])) - 1))} % per doubling`;
    row(`${size} replicas`, us, growth);
  }
}

function options(): void {
  const roundsHere = Math.max(rounds, shortRoundsMin);
  heading(`options with nothing to do, 50,000 requests on 16 replicas: against none (${roundsHere} rounds)`);
  const none: number[] = [];
  const costs = [null, ...idleOptions].map((): number[] => []);
  inRounds(() => {
    const cost = (option?: string): number => simulated({ requests: made(50_000, 160), replicas: 16, ...(option === undefined ? {} : { option }) }).cpuSeconds;
    none.push(cost());
    for (const [place, option] of [null, ...idleOptions].entries()) costs[place]?.push(cost(option?.name));
  }, roundsHere);
  row("none", none);
  for (const [place, { name }] of [{ name: "none, once more" }, ...idleOptions].entries())
    row(name, costs[place] ?? [], pairedDifference(costs[place] ?? [], none));
}

/** The median, and how far the rounds lie apart. */
function pairedDifference(own: readonly number[], none: readonly number[]): string {
  const percents = own.map((seconds, round) => 100 * (seconds / (none[round] ?? NaN) - 1)).toSorted((one, other) => one - other);
  return `${signed(median(percents))} % (${signed(percents[0] ?? NaN)} to ${signed(percents.at(-1) ?? NaN)})`;
}

function large(): void {
  heading("many requests, 16 replicas, 160 a second");
  for (const [count, records] of [
    [100_000, false],
    [1_000_000, false],
    [10_000_000, false],
    [1_000_000, true],
    [10_000_000, true],
  ] as const) {
    const { cpuSeconds, rssMb } = simulated({ requests: made(count, 160), replicas: 16, records });
    const name = `${count / 1e6} million${records ? ", summed up" : ""}`;
    row(name, [cpuSeconds], `${((cpuSeconds * 1e6) / count).toFixed(2)} us per request, peak ${rssMb} MB`);
  }
}

function made(count: number, rate: number): BenchRequests {
  return { kind: "made", count, perSecond: rate, input: 1024, output: 256 };
}

function inRounds(round: () => void, times = rounds): void {
  for (let done = 0; done < times; done += 1) round();
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

function row(name: string, figures: readonly number[], more = ""): void {
  console.log(
    `  ${name.padEnd(32)} least ${Math.min(...figures)
      .toFixed(3)
      .padStart(8)}  median ${median(figures).toFixed(3).padStart(8)}  ${more}`,
  );
}

/** Round by round, since both met the same machine then: what its host does beside it changes from minute to minute. */
function ratioOf(theirs: readonly number[], ours: readonly number[]): number {
  return median(theirs.map((seconds, round) => seconds / (ours[round] ?? NaN)));
}

/** Of two, their mean. */
function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
}
