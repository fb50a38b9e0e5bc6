import { parentPort } from "node:worker_threads";
import { type SeedJob, SeedRunner } from "./seed-job.ts";
import type { SeedMeasure } from "./run-seed.ts";

export type SeedReply = { readonly kind: "ran"; readonly run: SeedMeasure } | { readonly kind: "failed"; readonly error: unknown };

const runner = new SeedRunner();

/** One job per message, one reply per job. */
parentPort?.on("message", (job: SeedJob) => {
  void runner
    .run(job)
    .then((run): SeedReply => ({ kind: "ran", run }))
    .catch((error: unknown): SeedReply => ({ kind: "failed", error }))
    .then((reply) => parentPort?.postMessage(reply));
});
