import { owned } from "../owned-text.ts";
import type { TraceRow } from "../trace-row.ts";
import { IntegerMap } from "../inspect/integer-map.ts";

export interface Reuse {
  /** Leading blocks that were seen before. */
  readonly leadingBlocks: number;
  /** Since the last request that had the last of them; without blocks, since the session's last request; -1: nothing is reused. */
  readonly afterSeconds: number;
}

const blocksMax = 4_000_000;
const sessionsMax = 500_000;

/** What each request of a trace shares with those before it. Of the blocks, the first four million are remembered; of the sessions, the last half million. */
export class ReuseTracker {
  readonly #slotOf = new IntegerMap(1024);
  #touchedUs = new Float64Array(1024);
  readonly #sessions = new Map<string, number>();

  add(row: TraceRow): Reuse {
    const byBlocks = row.blocks === null ? null : this.#touch(row.blocks, row.atUs);
    const bySession = row.session === null ? -1 : this.#afterSession(row.session, row.atUs);
    return byBlocks ?? { leadingBlocks: 0, afterSeconds: bySession };
  }

  #touch(blocks: readonly number[], atUs: number): Reuse {
    let leadingBlocks = 0;
    let last = -1;
    for (const block of blocks) {
      const slot = this.#slotOf.get(block);
      if (slot === -1) break;
      leadingBlocks += 1;
      last = slot;
    }
    const afterSeconds = last === -1 ? -1 : (atUs - (this.#touchedUs[last] ?? 0)) / 1_000_000;
    for (const block of blocks) this.#set(block, atUs);
    return { leadingBlocks, afterSeconds };
  }

  #set(block: number, atUs: number): void {
    let slot = this.#slotOf.get(block);
    if (slot === -1) {
      slot = this.#slotOf.size;
      if (slot >= blocksMax) return;
      this.#slotOf.set(block, slot);
      if (slot === this.#touchedUs.length) {
        const larger = new Float64Array(slot * 2);
        larger.set(this.#touchedUs);
        this.#touchedUs = larger;
      }
    }
    this.#touchedUs[slot] = atUs;
  }

  #afterSession(session: string, atUs: number): number {
    const before = this.#sessions.get(session);
    this.#sessions.delete(session);
    this.#sessions.set(owned(session), atUs);
    if (this.#sessions.size > sessionsMax) this.#sessions.delete(this.#sessions.keys().next().value ?? session);
    return before === undefined ? -1 : (atUs - before) / 1_000_000;
  }
}
