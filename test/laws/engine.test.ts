import { describe, expect, it } from "vitest";
import { forkRandom, nextBelow, nextUnit } from "../../router/core/random.ts";
import type { Instant } from "../../router/core/machine.ts";
import { createEngine } from "../../simulator/core/engine/create-engine.ts";
import type { EngineOptions, EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineEvent, EngineModel, SequenceId } from "../../simulator/core/engine/engine.ts";

const specOf = (options: Partial<EngineOptions>): EngineSpec => ({
  blockTokens: 16,
  blocks: 40,
  sequencesMax: 8,
  batchedTokensMax: 128,
  modelTokensMax: 512,
  options,
  stepTime: {
    kind: "linear",
    perStepUs: 5000,
    perPrefillTokenUs: 30,
    perSequenceUs: 40,
    perContextTokenUs: 0.05,
    perChunkAttentionUs: 0.001,
    source: { kind: "fitted", hardware: "test", model: "test", engineVersion: "test", errorPercent: 0 },
  },
});

type Timed = readonly [EngineEvent, Instant];
type Emitted = { readonly command: EngineCommand; readonly at: Instant; readonly seenAt: Instant };

/** Wakes the engine at its deadlines (or `lateness` after them), as a driver does. */
function play(engine: EngineModel, events: readonly Timed[], lateness = 0, observer: (now: Instant) => void = () => {}): Emitted[] {
  const emitted: Emitted[] = [];
  let now = 0 as Instant;
  const out = { emit: (command: EngineCommand, at: Instant): void => void emitted.push({ command, at, seenAt: now }) };
  const wakeUntil = (limit: number): void => {
    while (engine.nextDeadline() + lateness < limit) {
      now = (engine.nextDeadline() + lateness) as Instant;
      observer(now);
      engine.wake(now, out);
      expect(engine.nextDeadline()).toBeGreaterThan(now);
    }
  };
  for (const [event, at] of events) {
    wakeUntil(at);
    now = at;
    observer(now);
    engine.handle(event, now, out);
  }
  wakeUntil(Infinity);
  return emitted;
}

function randomEvents(seed: number): Timed[] {
  const random = forkRandom(seed, "events");
  const events: Timed[] = [];
  let at = 0;
  for (let id = 0; id < 40; id++) {
    at += nextBelow(random, 4) === 0 ? 0 : nextBelow(random, 60_000);
    const shared = nextUnit(random) < 0.5 ? Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8]) : null;
    events.push([
      {
        kind: "sequence-submitted",
        id: id as SequenceId,
        inputTokens: 130 + nextBelow(random, 200),
        blocks: shared,
        outputTokens: 1 + nextBelow(random, 60),
        outputTokensMax: 40,
        priority: 0,
        arrival: at as Instant,
      },
      at as Instant,
    ]);
    // Aborted before its first step can have ended.
    if (nextUnit(random) < 0.15) events.push([{ kind: "sequence-aborted", id: id as SequenceId }, (at + nextBelow(random, 5000)) as Instant]);
    if (nextUnit(random) < 0.05) events.push([{ kind: "speed-changed", factor: 1 + nextBelow(random, 3) }, at as Instant]);
  }
  return events.toSorted((one, other) => one[1] - other[1]);
}

const variants: [string, Partial<EngineOptions>][] = [
  ["asynchronous", {}],
  ["synchronous", { asyncScheduling: false }],
  ["pipeline", { pipelineStages: 2 }],
  ["speculation", { speculation: { draftTokens: 3, method: "eagle", acceptance: 0.6 } }],
  ["priority", { policy: "priority" }],
  ["a machine that wanders", { wander: { deviation: 0.2, correlationUs: 40_000, scatter: 0.1 } }],
  [
    "a machine that wanders, speculation",
    { wander: { deviation: 0.2, correlationUs: 40_000, scatter: 0.1 }, speculation: { draftTokens: 3, method: "eagle", acceptance: 0.6 } },
  ],
  ["ranks in lockstep that wander", { wander: { deviation: 0.2, correlationUs: 40_000, scatter: 0.1 }, dataParallel: { ranks: 3, lockstep: true } }],
  ["drafts that cost", { speculation: { draftTokens: 3, method: "draft-model", acceptance: 0.6, costRatio: 0.1 } }],
  ["pipeline hops", { pipelineStages: 3, pipelineHopUs: 90.5 }],
  ["dense data-parallel ranks", { dataParallel: { ranks: 3, lockstep: false } }],
  ["ranks in lockstep", { dataParallel: { ranks: 3, lockstep: true } }],
  ["ranks in lockstep, synchronous", { dataParallel: { ranks: 2, lockstep: true }, asyncScheduling: false }],
  ["disaggregated", { disaggregation: { prefillEngines: 2, decodeEngines: 1, kvBytesPerToken: 131_072, bytesPerSecond: 5e9, latencyUs: 700 } }],
];

describe.each(variants)("engine laws: %s", (_name, options) => {
  const make = (detail: "first-token" | "tokens" = "tokens"): EngineModel => createEngine(specOf(options), { detail });
  const seeds = Array.from({ length: 20 }, (_, seed) => seed);
  const commandsOf = (emitted: readonly Emitted[]): string => JSON.stringify(emitted.map(({ command, at }) => [command, at]));

  it.each(seeds)("equal histories give equal commands, each as of its own instant in order (seed %i)", (seed) => {
    const emitted = play(make(), randomEvents(seed));
    expect(commandsOf(play(make(), randomEvents(seed)))).toBe(commandsOf(emitted));
    let last = 0;
    for (const { at, seenAt } of emitted) {
      expect(at).toBeGreaterThanOrEqual(last);
      expect(at).toBeLessThanOrEqual(seenAt);
      last = at;
    }
  });

  it.each(seeds)("a late driver changes nothing, and observing changes nothing (seed %i)", (seed) => {
    const inTime = commandsOf(play(make(), randomEvents(seed)));
    expect(commandsOf(play(make(), randomEvents(seed), 1_700))).toBe(inTime);
    const engine = make();
    expect(commandsOf(play(engine, randomEvents(seed), 0, (now) => void engine.observe(now)))).toBe(inTime);
  });

  it.each(seeds)("detail changes only which tokens are told (seed %i)", (seed) => {
    const full = play(make("tokens"), randomEvents(seed)).filter(({ command }) => command.kind !== "emit-tokens" || command.from === 0);
    const brief = play(make("first-token"), randomEvents(seed));
    const ends = (list: readonly Emitted[]): string => JSON.stringify(list.map(({ command, at }) => [command.kind, command.id, at]));
    expect(ends(brief)).toBe(ends(full));
  });

  it.each(seeds)("every sequence ends exactly once, and a crash ends all that are left (seed %i)", (seed) => {
    const events = randomEvents(seed);
    const ended = play(make(), events).filter(({ command }) => command.kind === "end-sequence");
    expect(ended.map(({ command }) => command.id).toSorted((one, other) => one - other)).toEqual(Array.from({ length: 40 }, (_, id) => id));
    const half = events.slice(0, 20);
    const crashAt = ((half.at(-1)?.[1] ?? 0) + 1) as Instant;
    const crashed = play(make(), [...half, [{ kind: "engine-crashed" }, crashAt]]);
    const ends = crashed.filter(({ command }) => command.kind === "end-sequence").map(({ command }) => command.id);
    expect(new Set(ends).size).toBe(ends.length);
    expect(ends.length).toBe(half.filter(([event]) => event.kind === "sequence-submitted").length);
    expect(crashed.at(-1)?.at).toBeLessThanOrEqual(crashAt);
  });

  it("tokens leave at the end of the step that makes them, and an unknown abort is a fault", () => {
    const engine = make();
    const submitted: EngineEvent = {
      kind: "sequence-submitted",
      id: 0 as SequenceId,
      inputTokens: 100,
      blocks: null,
      outputTokens: 2,
      outputTokensMax: 2,
      priority: 0,
      arrival: 0 as Instant,
    };
    const emitted = play(engine, [[submitted, 1000 as Instant]]);
    expect(emitted.map(({ command }) => command.kind)).toEqual(["start-sequence", "emit-tokens", "emit-tokens", "end-sequence"]);
    expect(emitted[0]?.at).toBe(1000);
    expect(emitted[1]?.at).toBeGreaterThanOrEqual(1000 + 5000 + 100 * 30);
    expect(() => engine.handle({ kind: "sequence-aborted", id: 0 as SequenceId }, 1e9 as Instant, { emit: () => {} })).toThrow(/abort/);
  });
});
