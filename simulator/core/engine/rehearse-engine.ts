import type { Instant } from "../../../router/core/machine.ts";
import { never, startOfTime } from "../../../router/core/time.ts";
import { createEngine } from "./create-engine.ts";
import type { EngineSpec } from "./engine-spec.ts";
import type { EngineModel, SequenceId } from "./engine.ts";

const rounds = 6;
const sequences = 8;
const heard = { emit: () => undefined };

/**
 * Plays a few sequences through a small engine of this kind: they prefill in chunks, wait, run out of memory and end. V8 compiles a function by what it has met, and throws the code away when a branch
 * that it has not met is taken: in a run of 5,000 requests that befell 20 of the engine's functions as the first sequences ended and memory first ran out. Nothing is left of it.
 */
export function rehearseEngine(spec: EngineSpec): void {
  const { blockTokens } = spec;
  const sequenceBlocks = 38;
  const small = { ...spec, blocks: sequenceBlocks + 2, sequencesMax: 12, batchedTokensMax: 8 * blockTokens, modelTokensMax: sequenceBlocks * blockTokens };
  const engine = createEngine(small, { detail: "first-token" });
  let now: Instant = startOfTime;
  for (let round = 0; round < rounds; round++) {
    for (let id = 0; id < sequences; id++) {
      submit(engine, id as SequenceId, blockTokens * (1 + 0.5 * id) + 3, 3 + ((7 * id + round) % 5) * 2 * blockTokens, now);
      now = wakeNext(engine, now);
    }
    while (engine.nextDeadline() !== never) now = wakeNext(engine, now);
  }
}

function submit(engine: EngineModel, id: SequenceId, tokens: number, outputTokens: number, now: Instant): void {
  const inputTokens = Math.floor(tokens);
  engine.handle({ kind: "sequence-submitted", id, inputTokens, blocks: null, outputTokens, outputTokensMax: outputTokens, priority: 0, arrival: now }, now, heard);
}

function wakeNext(engine: EngineModel, now: Instant): Instant {
  const next = engine.nextDeadline();
  if (next === never) return now;
  engine.wake(next, heard);
  return next;
}
