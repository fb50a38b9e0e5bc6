import type { Sequence } from "./sequence.ts";

/** Decoding sequences whose outputs have contents that others may look for: which of them fill a block in a call, by the call modulo blockTokens. */
export class FillLists {
  count = 0;
  readonly #lists: Sequence[][];
  readonly #residues = new Map<Sequence, number>();

  constructor(blockTokens: number) {
    this.#lists = Array.from({ length: blockTokens }, () => []);
  }

  add(sequence: Sequence, residue: number): void {
    this.#residues.set(sequence, residue);
    this.#lists[residue]?.push(sequence);
    this.count++;
  }

  /** Nothing happens where it is not in. */
  remove(sequence: Sequence): void {
    const residue = this.#residues.get(sequence);
    if (residue === undefined) return;
    this.#residues.delete(sequence);
    const list = this.#lists[residue];
    list?.splice(list.indexOf(sequence), 1);
    this.count--;
  }

  of(call: number): readonly Sequence[] {
    return this.#lists[call % this.#lists.length] ?? [];
  }

  /** How many calls from `first` on, at most `callsMax`, fill nothing. */
  callsWithout(first: number, callsMax: number): number {
    for (let calls = 0; calls < callsMax; calls++) if (this.of(first + calls).length > 0) return calls;
    return callsMax;
  }
}
