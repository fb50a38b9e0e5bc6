import type { Instant } from "../../router/core/machine.ts";
import { createEngine } from "../../simulator/core/engine/create-engine.ts";
import type { EngineOptions, EngineSpec } from "../../simulator/core/engine/engine-spec.ts";
import type { EngineCommand, EngineEvent, EngineModel, SequenceId } from "../../simulator/core/engine/engine.ts";
import type { LinearSpec } from "../../simulator/core/step-time/step-time-spec.ts";

/** A small engine whose steps take 1 ms, whatever is in them, and whose scheduling takes none. */
export function smallSpec(change: Partial<EngineSpec> & { readonly step?: Partial<LinearSpec> } = {}, options: Partial<EngineOptions> = {}): EngineSpec {
  const { step, ...rest } = change;
  return {
    blockTokens: 16,
    blocks: 41,
    sequencesMax: 8,
    batchedTokensMax: 1024,
    modelTokensMax: 512,
    stepTime: {
      kind: "linear",
      perStepUs: 1000,
      perPrefillTokenUs: 0,
      perSequenceUs: 0,
      perContextTokenUs: 0,
      perChunkAttentionUs: 0,
      source: { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 },
      ...step,
    },
    options: { scheduling: { perStepUs: 0, perSequenceUs: 0 }, ...options },
    ...rest,
  };
}

export interface Told {
  readonly at: number;
  readonly command: EngineCommand;
}

/** An engine with a clock: submits, waits, and keeps what it was told. */
export class EnginePlay {
  readonly engine: EngineModel;
  readonly told: Told[] = [];
  #ids = 0;
  #now = 0;
  readonly #out = { emit: (command: EngineCommand, at: Instant): void => void this.told.push({ command, at }) };

  constructor(spec: EngineSpec, detail: "first-token" | "tokens" = "tokens", draws: { readonly seed?: number; readonly index?: number } = {}) {
    this.engine = createEngine(spec, { ...draws, detail });
  }

  submit(inputTokens: number, outputTokens: number, more: Partial<Extract<EngineEvent, { kind: "sequence-submitted" }>> = {}): SequenceId {
    const id = this.#ids++ as SequenceId;
    const arrival = this.#now as Instant;
    this.engine.handle(
      { kind: "sequence-submitted", id, inputTokens, blocks: null, outputTokens, outputTokensMax: outputTokens, priority: 0, arrival, ...more },
      this.#now as Instant,
      this.#out,
    );
    return id;
  }

  abort(id: SequenceId): void {
    this.engine.handle({ kind: "sequence-aborted", id }, this.#now as Instant, this.#out);
  }

  slowDown(factor: number): void {
    this.engine.handle({ kind: "speed-changed", factor }, this.#now as Instant, this.#out);
  }

  crash(): void {
    this.engine.handle({ kind: "engine-crashed" }, this.#now as Instant, this.#out);
  }

  /** Microseconds. */
  get now(): number {
    return this.#now;
  }

  /** Lets everything up to and with `at` happen. Microseconds. */
  until(at: number): void {
    while (this.engine.nextDeadline() <= at && this.engine.nextDeadline() !== Infinity) this.engine.wake(this.engine.nextDeadline(), this.#out);
    if (at !== Infinity) this.#now = at;
  }

  finish(): void {
    this.until(Infinity);
  }

  times(kind: EngineCommand["kind"], id: SequenceId): number[] {
    return this.told.filter(({ command }) => command.kind === kind && command.id === id).map(({ at }) => at);
  }

  end(id: SequenceId): Extract<EngineCommand, { kind: "end-sequence" }> | undefined {
    return this.told.map(({ command }) => command).find((command) => command.kind === "end-sequence" && command.id === id) as
      | Extract<EngineCommand, { kind: "end-sequence" }>
      | undefined;
  }

  cached(id: SequenceId): number {
    const start = this.told.map(({ command }) => command).find((command) => command.kind === "start-sequence" && command.id === id);
    return start?.kind === "start-sequence" ? start.cachedTokens : NaN;
  }
}
