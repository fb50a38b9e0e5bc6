import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { SeedJob } from "./seed-job.ts";
import type { SeedMeasure } from "./run-seed.ts";
import type { SeedReply } from "./seed-worker.ts";

interface Waiting {
  readonly job: SeedJob;
  readonly resolve: (run: SeedMeasure) => void;
  readonly reject: (reason: unknown) => void;
}

interface Member {
  readonly worker: Worker;
  at: Waiting | null;
}

/**
 * Runs seeds on all cores, one worker thread each; jobs begin in the order in which they are given. What a run gives is the same wherever it runs. Close it at the end.
 */
export class SeedPool {
  readonly size: number;
  readonly #members: Member[] = [];
  readonly #waiting: Waiting[] = [];

  constructor(size = availableParallelism()) {
    this.size = Math.max(1, size);
  }

  run(job: SeedJob): Promise<SeedMeasure> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
    this.#members.length = 0;
  }

  #next(): void {
    const idle = this.#members.find(({ at }) => at === null) ?? (this.#members.length < this.size ? this.#begin() : undefined);
    const waiting = idle === undefined ? undefined : this.#waiting.shift();
    if (idle === undefined || waiting === undefined) return;
    idle.at = waiting;
    idle.worker.postMessage(waiting.job);
  }

  #begin(): Member {
    // The same file as a source and compiled.
    const worker = new Worker(new URL(import.meta.url.endsWith(".ts") ? "./seed-worker.ts" : "./seed-worker.js", import.meta.url));
    const member: Member = { worker, at: null };
    worker.on("message", (reply: SeedReply) => {
      const { at } = member;
      member.at = null;
      if (reply.kind === "ran") at?.resolve(reply.run);
      else at?.reject(reply.error);
      this.#next();
    });
    worker.on("error", (error) => member.at?.reject(error));
    this.#members.push(member);
    return member;
  }
}
