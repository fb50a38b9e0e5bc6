import type { Instant } from "../../router/core/machine.ts";
import { forkRandom, nextBelow } from "../../router/core/random.ts";
import type { RandomState } from "../../router/core/random.ts";
import { createEngine } from "../../simulator/core/engine/create-engine.ts";
import type { DisaggregationSpec, EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { EngineModel, SequenceId } from "../../simulator/core/engine/engine.ts";
import { playMoments, randomMoments, randomSpec } from "./fuzz-engines.ts";
import { brokenLaw } from "./laws-of-a-run.ts";
import { chance, pick } from "./random-config.ts";
import { DisaggregatedForm } from "./second-form/disaggregated-form.ts";
import { LockstepForm } from "./second-form/lockstep-form.ts";
import type { PlayedEngine, SeenSignals } from "./second-form/second-form.ts";

/** Engines that are several: ranks in lockstep, or prefill and decode apart. */
interface Several {
  readonly spec: EngineSpec;
  readonly second: (detail: "first-token" | "tokens") => PlayedEngine;
}

function randomLockstep(random: RandomState): Several {
  const base = randomSpec(random);
  const ranks = 2 + nextBelow(random, 3);
  const spec = { ...base, options: { ...base.options, dataParallel: { ranks, lockstep: true } } };
  return { spec, second: (detail) => new LockstepForm(spec, ranks, detail) };
}

function randomDisaggregated(random: RandomState): Several {
  const base = randomSpec(random);
  const disaggregation: DisaggregationSpec = {
    prefillEngines: 1 + nextBelow(random, 3),
    decodeEngines: 1 + nextBelow(random, 3),
    kvBytesPerToken: pick(random, [1, 40_000, 160_000]),
    bytesPerSecond: pick(random, [1e8, 1e9, 25e9]),
    latencyUs: pick(random, [0, 500, 30_000]),
  };
  const spec = { ...base, options: { ...base.options, dataParallel: null, disaggregation } };
  return { spec, second: (detail) => new DisaggregatedForm(spec, disaggregation, detail) };
}

/** One random run of each kind through the engine and through the second form of its rules, and the engine's own run against the laws. Null: same commands, instants and observations. */
export function fuzzSeveral(seed: number): string | null {
  return playBoth(seed, "lockstep", randomLockstep) ?? playBoth(seed, "disaggregated", randomDisaggregated);
}

function playBoth(seed: number, name: string, make: (random: RandomState) => Several): string | null {
  const random = forkRandom(seed, name);
  const { spec, second } = make(random);
  const moments = randomMoments(random, spec);
  const detail = chance(random, 0.5) ? "tokens" : "first-token";
  const expected: string[] = [];
  playMoments(second(detail), moments, (line) => void expected.push(line));
  const actual: string[] = [];
  const engine = createEngine(spec, { detail });
  playMoments(narrowed(engine), moments, (line) => void actual.push(line));
  const place = actual.findIndex((line, at) => line !== expected[at]);
  const said = `seed ${seed} (${name})`;
  if (place >= 0) return `${said} line ${place}: second form ${expected[place]}, engine ${actual[place]}\n${JSON.stringify(spec)}`;
  if (actual.length !== expected.length) return `${said}: second form ${expected.length} lines, engine ${actual.length}: ${expected[actual.length]}`;
  const broken = brokenLaw(createEngine(spec, { detail: "tokens" }), spec, moments);
  return broken === null ? null : `${said}: ${broken}\n${JSON.stringify(spec)}`;
}

/** With only those signals that both forms tell. */
const narrowed = (engine: EngineModel): PlayedEngine => ({
  handle: (event, now, out) => engine.handle(event, now, out),
  wake: (now, out) => engine.wake(now, out),
  nextDeadline: () => engine.nextDeadline(),
  observe: (now: Instant): SeenSignals => {
    const { running, waiting, blocksUsed, prefixHits, preemptions, busy, steps } = engine.observe(now);
    return { running, waiting, blocksUsed, prefixHits, preemptions, busy, steps };
  },
  outputTokensOf: (id: SequenceId) => engine.outputTokensOf(id),
});
