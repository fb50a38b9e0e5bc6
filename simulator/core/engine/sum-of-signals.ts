import type { Duration } from "../../../router/core/machine.ts";
import type { EngineSignals } from "./engine.ts";

/** Several engines seen as one: counts add up, shares of time and of batches are means. */
export function sumOfSignals(all: readonly EngineSignals[]): EngineSignals {
  const sum = (of: (signals: EngineSignals) => number): number => all.reduce((total, signals) => total + of(signals), 0);
  return {
    running: sum(({ running }) => running),
    waiting: sum(({ waiting }) => waiting),
    blocksUsed: sum(({ blocksUsed }) => blocksUsed),
    blocks: sum(({ blocks }) => blocks),
    prefixQueries: sum(({ prefixQueries }) => prefixQueries),
    prefixHits: sum(({ prefixHits }) => prefixHits),
    preemptions: sum(({ preemptions }) => preemptions),
    busy: Math.floor(sum(({ busy }) => busy) / all.length) as Duration,
    batchUse: sum(({ batchUse }) => batchUse) / all.length,
    steps: sum(({ steps }) => steps),
    stepSequences: sum(({ stepSequences }) => stepSequences),
    stepTokens: sum(({ stepTokens }) => stepTokens),
    stepsOutsideRange: sum(({ stepsOutsideRange }) => stepsOutsideRange),
  };
}
