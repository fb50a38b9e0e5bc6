import { engineDefaults } from "../../simulator/core/engine/engine-spec.ts";
import type { SequenceId } from "../../simulator/core/engine/engine.ts";
import type { FastRules } from "../../simulator/core/engine/fast/fast-rules.ts";
import { FastScheduler } from "../../simulator/core/engine/fast/fast-scheduler.ts";
import { processCall } from "../../simulator/core/engine/fast/process-call.ts";
import { scheduleCall } from "../../simulator/core/engine/fast/schedule-call.ts";
import { Workbench } from "../../simulator/core/engine/fast/workbench.ts";
import { partsOf } from "./play-fast-schedule.ts";
import { PlanChains } from "./recorded-server-run.ts";
import type { EngineStep, ServerRun } from "./recorded-server-run.ts";

export interface BatchDifference {
  readonly step: number;
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

const rulesOfRun = (run: ServerRun): FastRules => ({
  ...engineDefaults,
  blockTokens: run.config.block_size,
  blocks: run.config.num_gpu_blocks,
  sequencesMax: run.config.max_num_seqs,
  batchedTokensMax: run.config.max_num_scheduled_tokens,
  modelTokensMax: run.config.max_model_len,
  prefixCaching: run.config.prefix_caching,
  asyncScheduling: run.asynchronous,
});

type Moment = { readonly t: number; readonly what: "add" | "schedule" | "update"; readonly index: number };

/** With the recorded arrivals and step times: every batch that the real engine made, its requests, tokens, preemptions and free blocks. Null: all equal. */
export function playBatches(run: ServerRun): BatchDifference | null {
  const listener = { started: () => {}, output: () => {}, ended: () => {} };
  const scheduler = new FastScheduler(new Workbench(rulesOfRun(run), listener, true));
  const chains = new PlanChains();
  const byId = new Map(run.plan.map((request) => [request.i, request]));
  for (const { what, index } of momentsOf(run)) {
    const step = run.steps[index];
    if (what === "add") {
      const add = run.adds[index];
      const planned = add === undefined ? undefined : byId.get(add.r);
      if (add === undefined || planned === undefined) continue;
      scheduler.submit({
        id: add.r as SequenceId,
        promptTokens: add.p,
        stopAfter: Infinity,
        outputTokensMax: add.m,
        priority: 0,
        arrival: add.t,
        keys: chains.chainOf(planned, run.config.block_size),
      });
    } else if (what === "update") {
      processCall(scheduler, false);
    } else if (step !== undefined) {
      const difference = compareStep(scheduler, step);
      if (difference !== null) return difference;
    }
  }
  return null;
}

function momentsOf(run: ServerRun): Moment[] {
  const moments: Moment[] = [
    ...run.adds.map(({ t }, index): Moment => ({ t, what: "add", index })),
    ...run.steps.map(({ t0 }, index): Moment => ({ t: t0, what: "schedule", index })),
    ...run.steps.map(({ t2 }, index): Moment => ({ t: t2, what: "update", index })),
  ];
  return moments.toSorted((one, other) => one.t - other.t);
}

function compareStep(scheduler: FastScheduler, step: EngineStep): BatchDifference | null {
  scheduleCall(scheduler);
  const state: FastScheduler = scheduler;
  const actual = {
    reqs: partsOf(scheduler).map(({ sequence, tokens, before }) => [sequence.id, tokens, before]),
    pre: state.bench.preempted.map(({ id }) => id),
    free: state.memory.free,
    run: state.running,
    wait: state.waiting,
  };
  const expected = {
    reqs: step.reqs.map(([request, tokens, computed]) => [request, tokens, computed]),
    pre: step.pre ?? [],
    free: step.free,
    run: step.run,
    wait: step.wait,
  };
  for (const field of ["reqs", "pre", "free", "run", "wait"] as const) {
    if (JSON.stringify(expected[field]) === JSON.stringify(actual[field])) continue;
    return { step: step.i, field, expected: expected[field], actual: actual[field] };
  }
  return null;
}
