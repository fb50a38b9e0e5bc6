import type { Sequence } from "./sequence.ts";

/*
 * Lists that are emptied and filled again all the time, with a count of their own: emptying one keeps its memory (an array whose length is set to 0 gives it back), and the count
 * stands where those who ask whether anybody is in look anyway.
 */

/** Keeps the order of the others; nothing happens where it is not in. @returns the new count */
export function without(items: Sequence[], count: number, sequence: Sequence): number {
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const item = items[index] as Sequence;
    if (item !== sequence) items[kept++] = item;
  }
  return kept;
}

/** Nearly always in order already, or two of them. */
export function sortByOrder(items: Sequence[], count: number): void {
  for (let index = 1; index < count; index++) {
    const item = items[index] as Sequence;
    let place = index - 1;
    while (place >= 0 && (items[place] as Sequence).order > item.order) {
      items[place + 1] = items[place] as Sequence;
      place--;
    }
    items[place + 1] = item;
  }
}
