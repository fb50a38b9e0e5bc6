import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import type { SessionScript } from "../core/workload/session-script.ts";
import type { TraceHeader, TraceSink } from "./trace-format.ts";
import type { TraceRow } from "./trace-row.ts";

export interface Jitter {
  /** Microseconds: the length of the source's slots. */
  readonly withinUs: number;
  readonly seed: number;
}

const purpose = purposeOf("slot jitter");

/**
 * Spreads rows that the source recorded in slots (Mooncake: 3 s) evenly over the slot, by draws keyed by the row's number, never beyond the next slot's beginning. The order
 * of the rows stays that of the file: cache hits depend on it.
 */
export class JitteredRows implements TraceSink {
  readonly #jitter: Jitter;
  readonly #sink: TraceSink;
  #slot: TraceRow[] = [];
  #serial = 0;

  constructor(jitter: Jitter, sink: TraceSink) {
    this.#jitter = jitter;
    this.#sink = sink;
  }

  begin(header: TraceHeader): void {
    this.#sink.begin?.(header);
  }

  row(row: TraceRow): void {
    const [first] = this.#slot;
    if (first !== undefined && first.atUs !== row.atUs) this.#spread(row.atUs - first.atUs);
    this.#slot.push(row);
  }

  session(script: SessionScript): void {
    this.#sink.session(script);
  }

  end(): void {
    this.#spread(Infinity);
  }

  #spread(untilNextUs: number): void {
    const { withinUs, seed } = this.#jitter;
    const lengthUs = Math.min(withinUs, untilNextUs);
    const offsets = this.#slot
      .map((_, place) => Math.floor(keyedUnit(seed, purpose, this.#serial + place, 0) * lengthUs))
      .toSorted((one, other) => one - other);
    for (const [place, row] of this.#slot.entries()) this.#sink.row({ ...row, atUs: row.atUs + (offsets[place] ?? 0) });
    this.#serial += this.#slot.length;
    this.#slot = [];
  }
}
