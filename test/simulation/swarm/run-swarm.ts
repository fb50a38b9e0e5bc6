/**
 * The seed swarm: random worlds, each played to its end with every invariant watched. A failure is shrunk and printed with the command that plays it again.
 *
 *   npm run swarm                           10,000 seeds from 1
 *   npm run swarm -- --seeds 500 --from 7   seeds 7 to 506
 *
 * Exit codes: 0 all hold, 1 an invariant is broken, 2 bad usage.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { projectRoot } from "../../support/project-root.ts";
import { randomScenario } from "../../support/random-world.ts";
import { type Failure, failureOf } from "./failure-of.ts";
import { shrink } from "./shrink.ts";
import type { Batch, BatchResult } from "./swarm-worker.ts";

const usage = "usage: npm run swarm -- [--seeds N] [--from M] [--workers W]    (N random worlds from seed M; default 10000 from 1, a worker per core)\n";
const batchSize = 50;
/** After so many it is known that something is broken. */
const failuresMax = 3;

interface Found {
  readonly seed: number;
  readonly failure: Failure;
}

const { seeds, from, workers } = readArguments();
const startedMs = performance.now();
const found = (await Promise.all(startWorkers())).flat().toSorted((one, other) => one.seed - other.seed);
for (const each of found.slice(0, failuresMax)) report(each);
const tookSeconds = ((performance.now() - startedMs) / 1000).toFixed(1);
process.stdout.write(`${found.length === 0 ? "ok" : "FAILED"}: ${seeds} seeds from ${from}, ${found.length} failed, ${tookSeconds} s\n`);
process.exitCode = found.length === 0 ? 0 : 1;

function readArguments(): { readonly seeds: number; readonly from: number; readonly workers: number } {
  try {
    const options = { seeds: { type: "string" }, from: { type: "string" }, workers: { type: "string" }, help: { type: "boolean" } } as const;
    const { values } = parseArgs({ options });
    if (values.help === true) {
      process.stdout.write(usage);
      process.exit(0);
    }
    const whole = (text: string | undefined, otherwise: number): number => {
      const value = text === undefined ? otherwise : Number(text);
      if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${text ?? ""} is not a whole number of at least 1`);
      return value;
    };
    return { seeds: whole(values.seeds, 10_000), from: whole(values.from, 1), workers: whole(values.workers, availableParallelism()) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exit(2);
  }
}

function startWorkers(): Promise<Found[]>[] {
  let next = from;
  let played = 0;
  let failures = 0;
  const take = (): Batch | null => {
    if (next >= from + seeds || failures >= failuresMax) return null;
    const batch = { from: next, count: Math.min(batchSize, from + seeds - next) };
    next += batch.count;
    return batch;
  };
  const heard = (result: BatchResult): void => {
    played += result.played;
    failures += result.failures.length;
    if (process.stderr.isTTY) process.stderr.write(`\r${played} of ${seeds}`);
  };
  return Array.from({ length: Math.min(workers, Math.ceil(seeds / batchSize)) }, async () => runWorker(take, heard));
}

async function runWorker(take: () => Batch | null, heard: (result: BatchResult) => void): Promise<Found[]> {
  const worker = new Worker(new URL("./swarm-worker.ts", import.meta.url));
  const mine: Found[] = [];
  await new Promise<void>((resolve, reject) => {
    const give = (): void => {
      const batch = take();
      if (batch === null) resolve();
      else worker.postMessage(batch);
    };
    worker.on("error", reject);
    worker.on("message", (result: BatchResult) => {
      mine.push(...result.failures);
      heard(result);
      give();
    });
    give();
  });
  await worker.terminate();
  return mine;
}

/** The whole smaller world goes to a file; what stands out goes to the screen. */
function report({ seed, failure }: Found): void {
  const { world, failure: after, plays } = shrink(randomScenario(seed), seed, failure, failureOf);
  const folder = path.join(projectRoot, ".headgate", "swarm");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `seed-${seed}.json`);
  writeFileSync(file, `${JSON.stringify({ seed, failure: after, ...world }, (_key, value: unknown) => (value === Infinity ? "Infinity" : value), 2)}\n`);
  const { scenario, arrivals } = world;
  const endpoints = scenario.config.routes.flatMap((route) => route.deployments).flatMap((id) => scenario.config.deployments[id]?.endpoints ?? []);
  const lines = [
    `seed ${seed}: ${failure.what.join("\n    ")}`,
    `  shrunk in ${plays} plays to ${arrivals.length} arrivals, ${scenario.faults.length} faults, ${endpoints.length} endpoints:`,
    `    ${after.what.join("\n    ")}`,
    `  the smaller world: ${path.relative(projectRoot, file)}`,
    `  again: npm run swarm -- --seeds 1 --from ${seed}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
