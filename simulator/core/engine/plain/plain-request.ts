import type { Submission } from "../submission.ts";

/** One sequence in the plain scheduler. Counts are tokens unless said otherwise. */
export interface PlainRequest {
  readonly id: number;
  readonly promptTokens: number;
  /** Where it ends by itself (EOS); Infinity: only by length. The scheduler learns it only from the output. */
  readonly stopAfter: number;
  /** max_tokens */
  readonly outputTokensMax: number;
  readonly priority: number;
  readonly arrival: number;
  /** Chained ids of its full blocks, prompt first; grows with private ids where the caller knows none. */
  readonly chain: number[];
  /** Prompt tokens whose KV is to come from another engine; 0: none, or it has come. */
  remoteTokens: number;
  /** Its KV stays behind when it has ended, until another engine has it. */
  readonly keepsKv: boolean;
  /** Which of the schedulers in lockstep it belongs to. */
  readonly rank: number;
  /** loading: it owns blocks, their contents are on their way. */
  status: "waiting" | "loading" | "running" | "preempted" | "finished";
  outputs: number;
  /** Tokens whose KV stands, or will when the steps in flight have run. */
  computed: number;
  /** Asynchronous: outputs that are in flight and not yet known. */
  placeholders: number;
  /** Drafts to be tried in the next step. */
  drafts: number;
  /** Steps in flight that it is part of, and those of a time before its last preemption. */
  inFlight: number;
  stale: number;
  /** Its blocks of the pool, and how many of them have a hash. */
  blocks: number[];
  hashedBlocks: number;
  preemptions: number;
  /** Pipeline and asynchronous: the first schedule() call that may decode it again. */
  eligibleCall: number;
}

/** Where the prompt's KV is made and used. here: by this engine alone; leaves: for another one; comes: by another one. */
export type KvRole = "here" | "leaves" | "comes";

export function createPlainRequest(submission: Readonly<Submission>, kv: KvRole = "here", rank = 0): PlainRequest {
  const { keys, ...rest } = submission;
  return {
    ...rest,
    remoteTokens: kv === "comes" ? submission.promptTokens : 0,
    keepsKv: kv === "leaves",
    rank,
    chain: keys === null ? [] : Array.from(keys),
    status: "waiting",
    outputs: 0,
    computed: 0,
    placeholders: 0,
    drafts: 0,
    inFlight: 0,
    stale: 0,
    blocks: [],
    hashedBlocks: 0,
    preemptions: 0,
    eligibleCall: 0,
  };
}

export const lengthOf = (request: PlainRequest): number => request.promptTokens + request.outputs;
