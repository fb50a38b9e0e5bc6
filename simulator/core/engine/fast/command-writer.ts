import type { Instant, Out } from "../../../../router/core/machine.ts";
import type { EngineCommand, SequenceId } from "../engine.ts";
import type { Sequence } from "./sequence.ts";

export const longAgo = -Infinity as Instant;

/** What the scheduler tells of its sequences. */
export interface SequenceListener {
  /** Admitted for the first time. */
  started(sequence: Sequence): void;
  /** @param index of the token among the outputs, from 0 */
  output(sequence: Sequence, index: number): void;
  ended(sequence: Sequence, reason: EndReason): void;
}

export type EndReason = "stop" | "length" | "abort" | "error";

/** Tells it in commands: to `out`, as of `at`. */
export class CommandWriter implements SequenceListener {
  at = longAgo;
  /** Null: nobody is being told anything. */
  out: Out<EngineCommand> | null = null;
  /** Every token is told, not only the first. */
  readonly all: boolean;

  constructor(all: boolean) {
    this.all = all;
  }

  started({ id, cachedTokens }: Sequence): void {
    this.out?.emit({ kind: "start-sequence", id: id as SequenceId, cachedTokens }, this.at);
  }

  output({ id }: Sequence, index: number): void {
    if (index === 0 || this.all) this.out?.emit({ kind: "emit-tokens", id: id as SequenceId, from: index, count: 1 }, this.at);
  }

  ended({ id, outputs, preemptions }: Sequence, reason: EndReason): void {
    this.out?.emit({ kind: "end-sequence", id: id as SequenceId, reason, outputTokens: outputs, preemptions }, this.at);
  }
}
