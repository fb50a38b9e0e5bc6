import type { Instant } from "../../router/core/machine.ts";
import { forkRandom, nextBelow } from "../../router/core/random.ts";
import type { RandomState } from "../../router/core/random.ts";
import { createEngine, createPlainEngine } from "../../simulator/core/engine/create-engine.ts";
import { DataParallelEngine } from "../../simulator/core/engine/data-parallel-engine.ts";
import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { PiecewiseSpec } from "../../simulator/core/step-time/step-time-spec.ts";
import type { EngineEvent, EngineModel, SequenceId } from "../../simulator/core/engine/engine.ts";
import { chance, pick } from "./random-config.ts";
import type { PlayedEngine } from "./second-form/second-form.ts";

export type Moment = { readonly at: Instant; readonly what: EngineEvent | { readonly kind: "observe" } | { readonly kind: "look" } };

/** With bends, waiting for the longest, and a range that is soon left. */
const piecewise: PiecewiseSpec = {
  kind: "piecewise",
  scale: 1.1,
  gemm: { x: [1, 32, 200], y: [900, 950, 4000] },
  decodeAttention: { x: [0, 1, 500, 3000], y: [0, 20, 30, 900] },
  chunkAttention: { x: [0, 10_000], y: [0, 700] },
  head: { x: [1, 16], y: [50, 90] },
  perDecodeUs: 3.3,
  perPrefillPastUs: 0.07,
  perStepUs: 100,
  skew: 0.05,
  padding: 64,
  range: { tokens: [0, 100], decodeContext: [0, 1500], decodeContextMax: [0, 150], chunkAttention: [0, 9000] },
  source: { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 },
};

export function randomSpec(random: RandomState): EngineSpec {
  const blockTokens = pick(random, [4, 16, 32]);
  const modelTokensMax = pick(random, [64, 200, 600]);
  return {
    blockTokens,
    blocks: Math.ceil(modelTokensMax / blockTokens) + 1 + pick(random, [0, 2, 10, 60, 1000]),
    sequencesMax: pick(random, [1, 4, 16, 64]),
    batchedTokensMax: pick(random, [16, 64, 256, 1024]),
    modelTokensMax,
    options: {
      asyncScheduling: chance(random, 0.65),
      policy: chance(random, 0.25) ? "priority" : "fcfs",
      prefixCaching: chance(random, 0.85),
      reserveFullSequence: chance(random, 0.8),
      longPrefillTokensMax: chance(random, 0.25) ? 24 : 0,
      watermark: chance(random, 0.2) ? 0.1 : 0,
      dataParallel: chance(random, 0.1) ? { ranks: 2 + nextBelow(random, 2), lockstep: false } : null,
      scheduling: pick(random, [
        { perStepUs: 0, perSequenceUs: 0 },
        { perStepUs: 126, perSequenceUs: 4.4 },
        { perStepUs: 2000, perSequenceUs: 24 },
      ]),
      wander: chance(random, 0.3)
        ? { deviation: pick(random, [0, 0.1, 0.4]), correlationUs: pick(random, [3000, 40_000, 1_000_000]), scatter: pick(random, [0, 0.1]) }
        : null,
    },
    stepTime: chance(random, 0.3)
      ? piecewise
      : {
          kind: "linear",
          perStepUs: pick(random, [0, 900, 5000]),
          perPrefillTokenUs: pick(random, [0, 3.3, 33]),
          perSequenceUs: pick(random, [0, 41.7]),
          perContextTokenUs: pick(random, [0, 0.045, 1.3]),
          perChunkAttentionUs: pick(random, [0, 0.001]),
          source: { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 },
        },
  };
}

export function randomMoments(random: RandomState, spec: EngineSpec): Moment[] {
  const moments: Moment[] = [];
  const gap = pick(random, [200, 8000, 60_000]);
  const outputsMax = pick(random, [5, 60, 300]);
  const count = 3 + nextBelow(random, 50);
  let at = 0;
  for (let id = 0; id < count; id++) {
    if (chance(random, 0.8)) at += nextBelow(random, gap);
    const inputTokens = 1 + nextBelow(random, spec.modelTokensMax - 1);
    const what: EngineEvent = {
      kind: "sequence-submitted",
      id: id as SequenceId,
      inputTokens,
      blocks: chance(random, 0.5) ? null : randomChain(random, Math.floor((inputTokens + (chance(random, 0.5) ? 64 : 0)) / spec.blockTokens), id),
      outputTokens: 1 + nextBelow(random, outputsMax),
      outputTokensMax: chance(random, 0.5) ? 1 + nextBelow(random, outputsMax) : outputsMax,
      priority: nextBelow(random, 3),
      arrival: at as Instant,
    };
    moments.push({ at: at as Instant, what });
    if (chance(random, 0.2)) moments.push({ at: (at + nextBelow(random, 200_000)) as Instant, what: { kind: "sequence-aborted", id: id as SequenceId } });
    if (chance(random, 0.03))
      moments.push({ at: (at + nextBelow(random, gap)) as Instant, what: { kind: "speed-changed", factor: pick(random, [1, 2.5, 0.7]) } });
    if (chance(random, 0.01)) moments.push({ at: (at + nextBelow(random, gap)) as Instant, what: { kind: "engine-crashed" } });
    while (chance(random, 0.4)) moments.push({ at: (at + nextBelow(random, 300_000)) as Instant, what: { kind: chance(random, 0.7) ? "observe" : "look" } });
  }
  return moments.toSorted((one, other) => one.at - other.at);
}

function randomChain(random: RandomState, blocks: number, id: number): Int32Array {
  const family = nextBelow(random, 3);
  const shared = chance(random, 0.7) ? nextBelow(random, blocks + 1) : 0;
  return Int32Array.from({ length: blocks }, (_, index) => (index < shared ? 10_000 * (family + 1) + index : -1_000 * (id + 1) - index));
}

/** Without the reserve rule two prefills can preempt each other for ever, in vLLM too: such a run is broken off. */
const timeMax = 60_000_000;

/** Every command with its instant, and every observation, in order. */
export function playMoments(engine: PlayedEngine, moments: readonly Moment[], told: (line: string) => void): void {
  const live = new Set<number>();
  const out = {
    emit: (command: { readonly kind: string; readonly id: number }, at: Instant): void => {
      if (command.kind === "end-sequence") live.delete(command.id);
      told(`${at} ${JSON.stringify(command)}`);
    },
  };
  const wakeBefore = (limit: number): void => {
    while (engine.nextDeadline() < Math.min(limit, timeMax)) engine.wake(engine.nextDeadline(), out);
  };
  const aborting = new Set<number>();
  for (const { at, what } of moments) {
    wakeBefore(at);
    if (what.kind === "look") {
      engine.wake(at, out);
      told(`${at} ${[...live].map((id) => `${id}:${engine.outputTokensOf(id as SequenceId)}`).join(" ")}`);
    } else if (what.kind === "observe") told(`${at} ${JSON.stringify(engine.observe(at))}`);
    else if (what.kind !== "sequence-aborted" || (live.has(what.id) && !aborting.has(what.id))) {
      if (what.kind === "sequence-submitted") live.add(what.id);
      if (what.kind === "sequence-aborted") aborting.add(what.id);
      if (what.kind === "engine-crashed") live.clear();
      engine.handle(what, at, out);
    }
  }
  wakeBefore(Infinity);
  if (live.size > 0 && engine.nextDeadline() === Infinity) told(`never ended: ${[...live].join(" ")}`);
}

/** Plays one random run through both forms of the engine. Null: same commands, instants and observations. */
export function fuzzEngines(seed: number): string | null {
  const random = forkRandom(seed, "engines");
  const spec = randomSpec(random);
  const moments = randomMoments(random, spec);
  const detail = seed % 3 === 0 ? "tokens" : "first-token";
  const expected: string[] = [];
  const ranks = spec.options?.dataParallel?.ranks ?? 1;
  const plain = (part: number): EngineModel => createPlainEngine(spec, { detail }, part);
  playMoments(ranks > 1 ? new DataParallelEngine(ranks, plain) : plain(0), moments, (line) => void expected.push(line));
  let line = 0;
  let difference: string | null = null;
  playMoments(createEngine(spec, { detail }), moments, (actual) => {
    if (difference === null && actual !== expected[line])
      difference = `seed ${seed} line ${line}: plain ${expected[line]}, fast ${actual}\n${JSON.stringify(spec)}`;
    line++;
  });
  if (difference === null && line !== expected.length) return `seed ${seed}: plain ${expected.length} lines, fast ${line}`;
  return difference;
}
