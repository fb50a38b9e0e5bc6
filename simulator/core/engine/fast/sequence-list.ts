import type { Sequence } from "./sequence.ts";

/** A doubly linked list through the sequences themselves; one stands in at most one such list. */
export class SequenceList {
  length = 0;
  first: Sequence | null = null;
  last: Sequence | null = null;

  append(sequence: Sequence): void {
    this.insertBehind(sequence, this.last);
  }

  prepend(sequence: Sequence): void {
    this.insertBehind(sequence, null);
  }

  /** @param place null: in front of all */
  insertBehind(sequence: Sequence, place: Sequence | null): void {
    const behind = place === null ? this.first : place.behind;
    sequence.before = place;
    sequence.behind = behind;
    if (place === null) this.first = sequence;
    else place.behind = sequence;
    if (behind === null) this.last = sequence;
    else behind.before = sequence;
    this.length++;
  }

  remove(sequence: Sequence): void {
    if (sequence.before === null) this.first = sequence.behind;
    else sequence.before.behind = sequence.behind;
    if (sequence.behind === null) this.last = sequence.before;
    else sequence.behind.before = sequence.before;
    sequence.before = null;
    sequence.behind = null;
    this.length--;
  }
}
