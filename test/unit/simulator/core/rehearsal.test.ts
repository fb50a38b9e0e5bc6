import fc from "fast-check";
import { expect, test } from "vitest";
import { micros } from "../../../../router/core/time.ts";
import type { VllmSpec } from "../../../../simulator/core/compiled-scenario.ts";
import { createEngine } from "../../../../simulator/core/engine/create-engine.ts";
import type { EngineOptions, EngineSpec } from "../../../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, SequenceId } from "../../../../simulator/core/engine/engine.ts";
import { rehearse, rehearseReplica, smallEngine } from "../../../../simulator/core/rehearsal.ts";
import { smallSpec } from "../../../support/engine-play.ts";

/** What an engine said in its rehearsal, and how often it was woken. */
function rehearsed(spec: EngineSpec): { commands: readonly EngineCommand[]; submitted: number; wakes: number } {
  const engine = createEngine(smallEngine(spec), { detail: "first-token" });
  const commands: EngineCommand[] = [];
  const out = { emit: (command: EngineCommand): unknown => commands.push({ ...command }) };
  let submitted = 0;
  let wakes = 0;
  rehearse(spec, {
    submit(_, inputTokens, outputTokens, now) {
      const id = submitted as SequenceId;
      submitted += 1;
      engine.handle(
        { kind: "sequence-submitted", id, inputTokens, blocks: null, outputTokens, outputTokensMax: outputTokens, priority: 0, arrival: now },
        now,
        out,
      );
    },
    wake(now) {
      wakes += 1;
      engine.wake(now, out);
    },
    nextDeadline: () => engine.nextDeadline(),
  });
  return { commands, submitted, wakes };
}

const anyOptions: fc.Arbitrary<Partial<EngineOptions>> = fc.record(
  {
    asyncScheduling: fc.boolean(),
    policy: fc.constantFrom("fcfs", "priority"),
    prefixCaching: fc.boolean(),
    chunkedPrefill: fc.boolean(),
    longPrefillTokensMax: fc.constantFrom(0, 8, 2048),
    longPrefillAdaptive: fc.boolean(),
    reserveFullSequence: fc.boolean(),
    watermark: fc.constantFrom(0, 0.01, 0.2),
    activeSequencesMax: fc.constantFrom(null, 4, 256),
    pipelineStages: fc.constantFrom(1, 2),
    speculation: fc.constantFrom(null, { draftTokens: 3, acceptance: 0.7 }),
    dataParallel: fc.constantFrom(null, { ranks: 2, lockstep: false }, { ranks: 2, lockstep: true }),
    batching: fc.constantFrom("continuous", "static"),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Partial<EngineOptions>>;

test("sequences wait, start, are preempted and end", () => {
  const { commands, submitted } = rehearsed(smallSpec({ blocks: 5000, modelTokensMax: 16_000, sequencesMax: 256 }, {}));
  const ends = commands.filter((command) => command.kind === "end-sequence");
  expect(ends.length).toBe(submitted);
  expect(ends.filter(({ preemptions }) => preemptions > 0).length).toBeGreaterThan(4);
});

test("whatever the engine's options and the size of its blocks: it comes to its end, or is broken off", () => {
  fc.assert(
    fc.property(anyOptions, fc.constantFrom(1, 4, 16, 64, 784), (options, blockTokens) => {
      const { commands, submitted, wakes } = rehearsed({ ...smallSpec({}, options), blockTokens });
      const ended = commands.filter(({ kind }) => kind === "end-sequence").length;
      expect(wakes).toBeLessThanOrEqual(1000);
      if (wakes < 1000) expect(ended).toBe(submitted);
    }),
    { numRuns: 60 },
  );
});

test("a replica's rehearsal goes through its server's queues", () => {
  const spec: VllmSpec = { kind: "vllm", engine: smallSpec({}, {}), frontEndBefore: micros(500), frontEndAfter: micros(300), frontEndPerPromptTokenUs: 2 };
  expect(() => rehearseReplica(spec)).not.toThrow();
});
