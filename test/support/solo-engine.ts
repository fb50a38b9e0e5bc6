import type { Instant, Out } from "../../router/core/machine.ts";
import { never } from "../../router/core/time.ts";
import type { EngineCommand, EngineEvent, EngineModel, EngineSignals, SequenceId } from "../../simulator/core/engine/engine.ts";

/** An engine double that keeps the port's promises with the simplest timing there is: every sequence alone, first token after 1000 us, then one each 100 us. */
interface SoloSequence {
  readonly outputTokens: number;
  readonly reason: "stop" | "length";
  emitted: number;
  due: number;
}

export class SoloEngine implements EngineModel {
  readonly sequences = new Map<number, SoloSequence>();
  readonly #everyToken: boolean;
  #factor = 1;

  constructor(options: { readonly detail: "first-token" | "tokens" }) {
    this.#everyToken = options.detail === "tokens";
  }

  handle(event: EngineEvent, now: Instant, out: Out<EngineCommand>): void {
    this.#advance(now, false, out);
    switch (event.kind) {
      case "sequence-submitted": {
        if (this.sequences.has(event.id)) throw new Error(`sequence ${event.id} is still in use`);
        const outputTokens = Math.min(event.outputTokens, event.outputTokensMax);
        const reason = event.outputTokens < event.outputTokensMax ? "stop" : "length";
        this.sequences.set(event.id, { outputTokens, reason, emitted: 0, due: now + 1000 * this.#factor });
        out.emit({ kind: "start-sequence", id: event.id, cachedTokens: event.blocks === null ? 0 : event.blocks.length * 16 }, now);
        break;
      }
      case "sequence-aborted":
        this.#end(event.id, "abort", now, out);
        break;
      case "speed-changed":
        this.#factor = event.factor;
        break;
      case "engine-crashed":
        for (const id of this.sequences.keys()) this.#end(id, "error", now, out);
        break;
    }
  }

  wake(now: Instant, out: Out<EngineCommand>): void {
    this.#advance(now, true, out);
  }

  nextDeadline(): Instant {
    return this.#next()?.at ?? never;
  }

  outputTokensOf(id: number): number {
    return this.sequences.get(id)?.emitted ?? 0;
  }

  liveSequences(): readonly SequenceId[] {
    return [...this.sequences.keys()] as SequenceId[];
  }

  observe(): EngineSignals {
    const running = this.sequences.size;
    return {
      running,
      waiting: 0,
      blocksUsed: running,
      blocks: 101,
      prefixQueries: 0,
      prefixHits: 0,
      preemptions: 0,
      busy: 0 as never,
      batchUse: 0,
      steps: 0,
      stepsOutsideRange: 0,
      stepSequences: 0,
      stepTokens: 0,
    };
  }

  #next(): { id: number; at: Instant } | null {
    let best: { id: number; at: Instant } | null = null;
    for (const [id, { due }] of this.sequences) if (best === null || due < best.at) best = { id, at: due as Instant };
    return best;
  }

  #advance(limit: Instant, inclusive: boolean, out: Out<EngineCommand>): void {
    for (let next = this.#next(); next !== null && (inclusive ? next.at <= limit : next.at < limit); next = this.#next()) {
      const { id, at } = next;
      const sequence = this.sequences.get(id);
      if (sequence === undefined) return;
      if (this.#everyToken || sequence.emitted === 0) out.emit({ kind: "emit-tokens", id: id as never, from: sequence.emitted, count: 1 }, at);
      sequence.emitted += 1;
      sequence.due = at + 100 * this.#factor;
      if (sequence.emitted === sequence.outputTokens) this.#end(id, sequence.reason, at, out);
    }
  }

  #end(id: number, reason: "stop" | "length" | "abort" | "error", at: Instant, out: Out<EngineCommand>): void {
    const sequence = this.sequences.get(id);
    if (sequence === undefined) return;
    this.sequences.delete(id);
    out.emit({ kind: "end-sequence", id: id as never, reason, outputTokens: sequence.emitted, preemptions: 0 }, at);
  }
}
