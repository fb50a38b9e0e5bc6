import type { Instant } from "../../router/core/machine.ts";
import { createEngine } from "../../simulator/core/engine/create-engine.ts";
import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, SequenceId } from "../../simulator/core/engine/engine.ts";

export interface PlayedRequest {
  /** Microseconds, when the engine gets it. */
  readonly at: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly blocks: Int32Array | null;
}

/** Microseconds; NaN: it never came. */
export interface PlayedTimes {
  readonly first: Float64Array;
  readonly end: Float64Array;
  readonly preemptions: number;
}

/** Requests through one engine, each generating exactly its outputs. */
export function playRequests(spec: EngineSpec, requests: readonly PlayedRequest[]): PlayedTimes {
  const engine = createEngine(spec, { detail: "first-token" });
  const first = new Float64Array(requests.length).fill(NaN);
  const end = new Float64Array(requests.length).fill(NaN);
  let preemptions = 0;
  const out = {
    emit: (command: EngineCommand, at: Instant): void => {
      if (command.kind === "emit-tokens" && command.from === 0) first[command.id] = at;
      if (command.kind === "end-sequence") {
        end[command.id] = at;
        preemptions += command.preemptions;
      }
    },
  };
  const order = [...requests.keys()].toSorted((one, other) => (requests[one]?.at ?? 0) - (requests[other]?.at ?? 0));
  for (const index of order) {
    const request = requests[index];
    if (request === undefined) continue;
    const at = request.at as Instant;
    while (engine.nextDeadline() < at) engine.wake(engine.nextDeadline(), out);
    engine.handle(
      {
        kind: "sequence-submitted",
        id: index as SequenceId,
        inputTokens: request.inputTokens,
        blocks: request.blocks,
        outputTokens: request.outputTokens,
        outputTokensMax: request.outputTokens,
        priority: 0,
        arrival: at,
      },
      at,
      out,
    );
  }
  while (engine.nextDeadline() < Infinity) engine.wake(engine.nextDeadline(), out);
  return { first, end, preemptions };
}
