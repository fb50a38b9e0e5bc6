/**
 * A rehearsal. V8 compiles a function by what it has met so far, and throws the code away when a branch is taken that it has not met: in a run of 5,000 requests that befell twenty of the
 * engine's functions, as the first sequences ended and as memory first ran out. So a small engine of the same kind plays a few sequences before a run: they prefill in chunks, wait, run
 * out of memory and end. Nothing is left of it but what V8 has met, which is why it has to see objects of the same shapes as the run will.
 */
import type { Instant } from "../../router/core/machine.ts";
import { never, seconds, startOfTime } from "../../router/core/time.ts";
import type { VllmSpec } from "./compiled-scenario.ts";
import { createEndpoint } from "./create-endpoint.ts";
import type { CallId, CallPatience } from "./endpoint.ts";
import type { EngineSpec } from "./engine/engine-spec.ts";

/** A machine in front of a small engine, which is told of sequences in its own way. */
export interface Rehearsed {
  submit(id: number, inputTokens: number, outputTokens: number, now: Instant): void;
  wake(now: Instant): void;
  nextDeadline(): Instant;
}

const rounds = 5;
const sequences = 8;
const longestBlocks = 38;
const patience: CallPatience = { connect: seconds(3600), idle: seconds(3600) };
/** The fast form takes fewer; the plain one, which is woken for every step, and gains little by this, is broken off. */
const wakesMax = 1000;

/** Of the same kind, with memory for four or five of the rehearsal's sequences. */
export function smallEngine(spec: EngineSpec): EngineSpec {
  const { blockTokens, options } = spec;
  // A prompt that is not to be cut has to fit into a step whole.
  const batchedBlocks = options?.chunkedPrefill === false ? longestBlocks : 8;
  return { ...spec, blocks: longestBlocks + 2, sequencesMax: 12, batchedTokensMax: batchedBlocks * blockTokens, modelTokensMax: longestBlocks * blockTokens };
}

export function rehearse({ blockTokens }: EngineSpec, machine: Rehearsed): void {
  let now: Instant = startOfTime;
  let wakes = 0;
  const goesOn = (): boolean => {
    const next = machine.nextDeadline();
    if (next === never || wakes === wakesMax) return false;
    now = next;
    wakes += 1;
    machine.wake(now);
    return true;
  };
  for (let round = 0; round < rounds; round += 1) {
    // Broken off, the last round's sequences may still be under way, under the same ids.
    if (wakes === wakesMax) return;
    for (let id = 0; id < sequences; id += 1) {
      const inputTokens = Math.ceil(blockTokens * (1 + id / 2)) + 3;
      const outputTokens = 3 + ((7 * id + round) % 5) * 3 * blockTokens;
      machine.submit(id, inputTokens, outputTokens, now);
      goesOn();
    }
    while (goesOn());
  }
}

/** Through the models of such a replica's server and engine. */
export function rehearseReplica(spec: VllmSpec): void {
  const replica = createEndpoint({ ...spec, engine: smallEngine(spec.engine) }, { seed: 1, index: 0, detail: "first-token", line: false });
  const nobody = { emit: () => undefined };
  rehearse(spec.engine, {
    submit(id, inputTokens, outputTokens, now) {
      const call = id as CallId;
      replica.handle(
        {
          kind: "call-received",
          call,
          serial: id,
          inputTokens,
          blocks: null,
          outputTokens,
          outputTokensMax: outputTokens,
          priority: 0,
          batch: false,
          patience,
        },
        now,
        nobody,
      );
    },
    wake: (now) => replica.wake(now, nobody),
    nextDeadline: () => replica.nextDeadline(),
  });
}
