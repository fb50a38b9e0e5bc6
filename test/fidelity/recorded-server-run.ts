import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** One run of a real vLLM server, with its engine steps. Field names are the files'; times are seconds since the run's start. */
export interface ServerRun {
  readonly name: string;
  readonly asynchronous: boolean;
  readonly config: {
    readonly num_gpu_blocks: number;
    readonly block_size: number;
    readonly max_num_seqs: number;
    readonly max_num_scheduled_tokens: number;
    readonly max_model_len: number;
    readonly prefix_caching: boolean;
  };
  readonly plan: readonly PlannedRequest[];
  readonly answers: readonly ClientAnswer[];
  readonly steps: readonly EngineStep[];
  readonly adds: readonly EngineAdd[];
}

export interface PlannedRequest {
  readonly i: number;
  readonly t: number;
  readonly in: number;
  readonly out: number;
  readonly blocks: readonly (readonly [string, number])[];
}

/** What the client saw; microseconds after `sent`. */
export interface ClientAnswer {
  readonly i: number;
  readonly sched: number;
  readonly sent: number;
  readonly first_us: number;
  readonly end_us: number;
  readonly out: number;
}

export interface EngineStep {
  readonly i: number;
  readonly t0: number;
  readonly t1: number;
  readonly x0: number;
  readonly x1: number;
  readonly s1: number;
  readonly t2: number;
  readonly t3: number;
  readonly T: number;
  readonly run: number;
  readonly wait: number;
  readonly free: number;
  readonly reqs: readonly (readonly [request: number, tokens: number, computed: number, prompt: number, outputs: number, admitted?: string])[];
  readonly pre?: readonly number[];
}

export interface EngineAdd {
  readonly t: number;
  /** Request, prompt tokens, max_tokens. */
  readonly r: number;
  readonly p: number;
  readonly m: number;
}

export function listServerRuns(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".steps.jsonl.gz"))
    .map((name) => name.slice(0, -".steps.jsonl.gz".length))
    .toSorted();
}

export function readServerRun(folder: string, name: string): ServerRun {
  const lines = (kind: string): Record<string, unknown>[] =>
    gunzipSync(readFileSync(join(folder, `${name}.${kind}.jsonl.gz`)))
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const meta = JSON.parse(readFileSync(join(folder, `${name}.meta.json`), "utf8"));
  const engine = lines("steps");
  const steps = engine.filter((line) => line["k"] === undefined) as unknown as EngineStep[];
  return {
    name,
    asynchronous: isAsynchronous(steps),
    config: meta.cfg,
    plan: lines("plan") as unknown as PlannedRequest[],
    answers: lines("requests") as unknown as ClientAnswer[],
    steps,
    adds: engine.filter((line) => line["k"] === "add") as unknown as EngineAdd[],
  };
}

/** A step that was scheduled before the output of the one before was taken in. */
function isAsynchronous(steps: readonly EngineStep[]): boolean {
  let early = 0;
  for (const [place, step] of steps.entries()) if (place > 0 && step.t0 < (steps[place - 1]?.t2 ?? 0)) early++;
  return early > steps.length / 10;
}

/**
 * Chained ids of a planned prompt's full blocks. The contents start behind a few tokens of the chat template, so engine block j holds the end of content j - 1
 * and the start of content j: it is the same as another's where all contents up to j are.
 */
export class PlanChains {
  readonly #ids = new Map<string, number>();

  chainOf(request: PlannedRequest, blockTokens: number): Int32Array {
    const chain: number[] = [];
    let parent = 0;
    for (const [content, tokens] of request.blocks) {
      const key = `${parent}/${content}/${tokens}`;
      parent = this.#ids.get(key) ?? this.#ids.size + 1;
      this.#ids.set(key, parent);
      chain.push(parent);
    }
    const full = Math.floor(request.in / blockTokens);
    return Int32Array.from(chain.slice(0, full));
  }
}
