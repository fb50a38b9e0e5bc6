import type { Instant, Out } from "../../../router/core/machine.ts";
import type { EngineCommand, EngineEvent, EngineSignals, SequenceId } from "../../../simulator/core/engine/engine.ts";
import { engineDefaults } from "../../../simulator/core/engine/engine-spec.ts";
import type { EngineSpec } from "../../../simulator/core/engine/engine-spec.ts";
import type { StepTimeModel } from "../../../simulator/core/engine/engine.ts";
import type { SchedulerRules } from "../../../simulator/core/engine/plain/plain-scheduler.ts";
import { createStepTime } from "../../../simulator/core/step-time/create-step-time.ts";
import { ScheduledStepTime } from "../../../simulator/core/step-time/scheduled-step-time.ts";
import { WanderingSpeed } from "../../../simulator/core/step-time/wandering-speed.ts";
import type { BusyLoop, Machine } from "./busy-loop.ts";

/** What both forms of an engine are asked for. */
export interface PlayedEngine {
  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void;
  wake(now: Instant, out: Out<EngineCommand>): void;
  nextDeadline(): Instant;
  observe(now: Instant): SeenSignals;
  outputTokensOf(id: SequenceId): number;
}

export type SeenSignals = Pick<EngineSignals, "running" | "waiting" | "blocksUsed" | "prefixHits" | "preemptions" | "busy" | "steps">;

export const rulesOf = (spec: EngineSpec): SchedulerRules => ({ ...spec, ...engineDefaults, ...spec.options });

function stepTimeOf(spec: EngineSpec): StepTimeModel {
  const { scheduling, asyncScheduling } = { ...engineDefaults, ...spec.options };
  return new ScheduledStepTime(createStepTime(spec.stepTime), scheduling, asyncScheduling);
}

/** The computer that an engine process has to itself. */
export function machineOf(spec: EngineSpec, part: number): Machine {
  const { wander } = { ...engineDefaults, ...spec.options };
  const wandering = wander === null ? null : new WanderingSpeed(wander, 1, `0.${part}`);
  return { stepTime: stepTimeOf(spec), slowdownAt: (at) => wandering?.factorAt(at as Instant) ?? 1 };
}

/** Of several processes: counts add up, busy time is their mean. */
export function signalsOf(loops: readonly BusyLoop[], spec: EngineSpec, now: number): SeenSignals {
  const sum = (of: (loop: BusyLoop) => number): number => loops.reduce((total, loop) => total + of(loop), 0);
  const inRanks = (of: (rank: BusyLoop["ranks"][number]) => number) => (loop: BusyLoop) => loop.ranks.reduce((total, rank) => total + of(rank), 0);
  return {
    running: sum(inRanks(({ running }) => running.length)),
    waiting: sum(inRanks(({ waiting }) => waiting.length)) + sum(({ arrived }) => arrived.length),
    blocksUsed: sum(inRanks(({ cache }) => spec.blocks - 1 - cache.pool.free)),
    prefixHits: sum(inRanks(({ prefix }) => prefix.hits)),
    preemptions: sum(({ preemptions }) => preemptions),
    busy: Math.floor(sum((loop) => loop.busyAt(now)) / loops.length) as EngineSignals["busy"],
    steps: sum(({ steps }) => steps),
  };
}
