import type { Instant } from "../../router/core/machine.ts";
import { createEngine } from "../../simulator/core/engine/create-engine.ts";
import type { EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineEvent, SequenceId } from "../../simulator/core/engine/engine.ts";

export interface PlayedRequest {
  /** Microseconds, when the engine gets it. */
  readonly at: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly blocks: Int32Array | null;
}

/** From `at` on steps take `factor` times as long. */
export interface SpeedChange {
  readonly at: number;
  readonly factor: number;
}

/** Microseconds; NaN: it never came. */
export interface PlayedTimes {
  readonly first: Float64Array;
  readonly end: Float64Array;
  /** Sequences in the engine when the first token and the end came. */
  readonly besideFirst: Float64Array;
  readonly besideEnd: Float64Array;
  readonly preemptions: number;
}

/** Requests through one engine, each generating exactly its outputs. `speeds` in order of time; `seed` of what the engine draws. */
export function playRequests(spec: EngineSpec, requests: readonly PlayedRequest[], speeds: readonly SpeedChange[] = [], seed = 1): PlayedTimes {
  const engine = createEngine(spec, { detail: "first-token", seed });
  const unknown = (): Float64Array => new Float64Array(requests.length).fill(NaN);
  let running = 0;
  const times = { first: unknown(), end: unknown(), besideFirst: unknown(), besideEnd: unknown(), preemptions: 0 };
  const out = {
    emit: (command: EngineCommand, at: Instant): void => {
      if (command.kind === "start-sequence") running++;
      if (command.kind === "emit-tokens" && command.from === 0) {
        times.first[command.id] = at;
        times.besideFirst[command.id] = running;
      }
      if (command.kind !== "end-sequence") return;
      times.end[command.id] = at;
      times.besideEnd[command.id] = running--;
      times.preemptions += command.preemptions;
    },
  };
  const events = [...speeds.map(speedEvent), ...requests.map(submission)].toSorted((one, other) => one.at - other.at);
  for (const { at, event } of events) {
    while (engine.nextDeadline() < at) engine.wake(engine.nextDeadline(), out);
    engine.handle(event, at, out);
  }
  while (engine.nextDeadline() < Infinity) engine.wake(engine.nextDeadline(), out);
  return times;
}

type Moment = { readonly at: Instant; readonly event: EngineEvent };

const speedEvent = ({ at, factor }: SpeedChange): Moment => ({ at: at as Instant, event: { kind: "speed-changed", factor } });

function submission({ at, inputTokens, outputTokens, blocks }: PlayedRequest, index: number): Moment {
  const arrival = at as Instant;
  return {
    at: arrival,
    event: {
      kind: "sequence-submitted",
      id: index as SequenceId,
      inputTokens,
      blocks,
      outputTokens,
      outputTokensMax: outputTokens,
      priority: 0,
      arrival,
    },
  };
}
