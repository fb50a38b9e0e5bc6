import { expect, test } from "vitest";
import type { Instant } from "../../../../../router/core/machine.ts";
import { never } from "../../../../../router/core/time.ts";
import { createEngine, createPlainEngine } from "../../../../../simulator/core/engine/create-engine.ts";
import type { EngineSpec } from "../../../../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineModel, SequenceId } from "../../../../../simulator/core/engine/engine.ts";

/** Prompts of three blocks: with the first token after it each begins a fourth, all in the same call. */
function specWith(freeBlocks: number, sequences: number, asyncScheduling: boolean): EngineSpec {
  return {
    blockTokens: 16,
    blocks: 3 * sequences + freeBlocks + 1,
    sequencesMax: 8,
    batchedTokensMax: 1024,
    modelTokensMax: 96,
    stepTime: {
      kind: "linear",
      perStepUs: 1000,
      perPrefillTokenUs: 10,
      perSequenceUs: 10,
      perContextTokenUs: 0,
      perChunkAttentionUs: 0,
      source: { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 },
    },
    options: { asyncScheduling, reserveFullSequence: false },
  };
}

function commandsOf(engine: EngineModel, sequences: number): (EngineCommand & { at: Instant })[] {
  const told: (EngineCommand & { at: Instant })[] = [];
  const out = { emit: (command: EngineCommand, at: Instant) => void told.push({ ...command, at }) };
  for (let id = 0; id < sequences; id++) {
    const submitted = { kind: "sequence-submitted", inputTokens: 48, blocks: null, outputTokens: 20 + id, outputTokensMax: 40, priority: 0 } as const;
    engine.handle({ ...submitted, id: id as SequenceId, arrival: 0 as Instant }, 0 as Instant, out);
  }
  while (engine.nextDeadline() !== never) engine.wake(engine.nextDeadline(), out);
  return told;
}

const cases = [3, 4, 6].flatMap((sequences) =>
  [0, 1, 2, 3, 5].filter((free) => free < sequences).flatMap((free) => [true, false].map((isAsync) => ({ sequences, free, isAsync }))),
);

test.each(cases)("$sequences sequences want a block each, $free are free, asynchronous $isAsync: the last ones go, as the walk would have it", (given) => {
  const { sequences, free, isAsync } = given;
  const spec = specWith(free, sequences, isAsync);
  const fast = commandsOf(createEngine(spec, { detail: "first-token" }), sequences);
  expect(fast).toEqual(commandsOf(createPlainEngine(spec, { detail: "first-token" }), sequences));
  const preempted = fast.filter((command) => command.kind === "end-sequence" && command.preemptions > 0);
  expect(preempted.length).toBeGreaterThan(0);
});
