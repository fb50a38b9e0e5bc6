import { owned } from "../owned-text.ts";
import { SampleValues } from "./sample-values.ts";
import { type Percentiles, ValueCounts } from "./value-counts.ts";

export interface SessionFigures {
  readonly sessions: number;
  readonly turns: Percentiles | null;
  readonly single_turn_share: number;
  /** Between the arrivals of two requests of a session. */
  readonly gap_s: Percentiles | null;
  /** False: more than 200,000 sessions were open at once, and those idle longest were taken for ended. */
  readonly exact: boolean;
}

const openMax = 200_000;

/** Sessions by the names that rows carry. */
export class SessionCounts {
  readonly #open = new Map<string, { turns: number; lastUs: number }>();
  readonly #turns = new ValueCounts();
  readonly #gaps = new SampleValues();
  #single = 0;
  #evicted = false;

  add(session: string, atUs: number): void {
    const open = this.#open.get(session);
    if (open !== undefined) {
      open.turns += 1;
      this.#gaps.add((atUs - open.lastUs) / 1_000_000);
      open.lastUs = atUs;
      return;
    }
    this.#open.set(owned(session), { turns: 1, lastUs: atUs });
    if (this.#open.size > openMax) this.#evictIdle();
  }

  figures(): SessionFigures | null {
    for (const { turns } of this.#open.values()) this.#end(turns);
    this.#open.clear();
    if (this.#turns.count === 0) return null;
    return {
      sessions: this.#turns.count,
      turns: this.#turns.percentiles(),
      single_turn_share: this.#single / this.#turns.count,
      gap_s: this.#gaps.percentiles(),
      exact: !this.#evicted,
    };
  }

  /** The idler half at once: sorting for each would cost a pass over all. */
  #evictIdle(): void {
    this.#evicted = true;
    const idlest = [...this.#open].toSorted(([, one], [, other]) => one.lastUs - other.lastUs).slice(0, openMax / 2);
    for (const [name, { turns }] of idlest) {
      this.#end(turns);
      this.#open.delete(name);
    }
  }

  #end(turns: number): void {
    this.#turns.add(turns);
    if (turns === 1) this.#single += 1;
  }
}
