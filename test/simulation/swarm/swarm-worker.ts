import { parentPort } from "node:worker_threads";
import { randomScenario } from "../../support/random-world.ts";
import { type Failure, failureOf } from "./failure-of.ts";

export interface Batch {
  readonly from: number;
  readonly count: number;
}
export interface BatchResult {
  readonly played: number;
  readonly failures: readonly { readonly seed: number; readonly failure: Failure }[];
}

/** Plays one batch of seeds per message. */
parentPort?.on("message", ({ from, count }: Batch) => {
  const failures: { seed: number; failure: Failure }[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const failure = failureOf(randomScenario(seed), seed);
    if (failure !== null) failures.push({ seed, failure });
  }
  parentPort?.postMessage({ played: count, failures } satisfies BatchResult);
});
