import { owned } from "../owned-text.ts";
import { SampleValues } from "./sample-values.ts";
import { type Percentiles, ValueCounts } from "./value-counts.ts";

export interface SessionFigures {
  readonly sessions: number;
  readonly turns: Percentiles | null;
  readonly single_turn_share: number;
  /** Between the arrivals of two requests of a session. */
  readonly gap_s: Percentiles | null;
  /** False: there were too many to remember: sessions that were idle while 100,000 others had requests were taken for ended. */
  readonly exact: boolean;
}

const generationMax = 100_000;

interface OpenSession {
  turns: number;
  lastUs: number;
}

/** Sessions by the names that rows carry. Two generations are remembered: a session that has a request moves to the younger one, and when that is full the older one ends. */
export class SessionCounts {
  #young = new Map<string, OpenSession>();
  #old = new Map<string, OpenSession>();
  readonly #turns = new ValueCounts();
  readonly #gaps = new SampleValues();
  #single = 0;
  #forgot = false;

  add(session: string, atUs: number): void {
    const open = this.#young.get(session) ?? this.#takeOld(session);
    if (open !== undefined) {
      open.turns += 1;
      this.#gaps.add((atUs - open.lastUs) / 1_000_000);
      open.lastUs = atUs;
      return;
    }
    this.#put(owned(session), { turns: 1, lastUs: atUs });
  }

  figures(): SessionFigures | null {
    for (const { turns } of [...this.#old.values(), ...this.#young.values()]) this.#end(turns);
    this.#old.clear();
    this.#young.clear();
    if (this.#turns.count === 0) return null;
    return {
      sessions: this.#turns.count,
      turns: this.#turns.percentiles(),
      single_turn_share: this.#single / this.#turns.count,
      gap_s: this.#gaps.percentiles(),
      exact: !this.#forgot,
    };
  }

  #takeOld(session: string): OpenSession | undefined {
    const open = this.#old.get(session);
    if (open === undefined) return undefined;
    this.#old.delete(session);
    this.#put(session, open);
    return open;
  }

  #put(session: string, open: OpenSession): void {
    if (this.#young.size >= generationMax) {
      if (this.#old.size > 0) this.#forgot = true;
      for (const { turns } of this.#old.values()) this.#end(turns);
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(session, open);
  }

  #end(turns: number): void {
    this.#turns.add(turns);
    if (turns === 1) this.#single += 1;
  }
}
