import type { Instant } from "../../../router/core/machine.ts";
import { never } from "../../../router/core/time.ts";

/**
 * What is on its way for a constant time: first in, first out, so a ring suffices where a heap would be needed for changing delays. Holds as many
 * entries as are on their way at once; an entry that has lost its purpose passes through and is dropped by the reader.
 */
export interface DelayLine<Item> {
  due: Instant[];
  items: (Item | null)[];
  head: number;
  count: number;
}

export function makeDelayLine<Item>(): DelayLine<Item> {
  return { due: [never], items: [null], head: 0, count: 0 };
}

/** @param due never before the last one put in */
export function putInLine<Item>(line: DelayLine<Item>, due: Instant, item: Item): void {
  if (line.count === line.items.length) grow(line);
  const place = (line.head + line.count) & (line.items.length - 1);
  line.due[place] = due;
  line.items[place] = item;
  line.count += 1;
}

/** `never` when empty. */
export function lineDue<Item>(line: DelayLine<Item>): Instant {
  return line.count === 0 ? never : (line.due[line.head] ?? never);
}

export function takeFromLine<Item>(line: DelayLine<Item>): Item | null {
  if (line.count === 0) return null;
  const item = line.items[line.head] ?? null;
  line.items[line.head] = null;
  line.head = (line.head + 1) & (line.items.length - 1);
  line.count -= 1;
  return item;
}

/** What is on its way, in order, but for what was forgotten. */
export function inLine<Item>({ items, head, count }: DelayLine<Item>): Item[] {
  const inOrder = items.slice(head).concat(items.slice(0, head)).slice(0, count);
  return inOrder.filter((item) => item !== null);
}

/** They pass through as nothing. */
export function forgetInLine<Item>({ items }: DelayLine<Item>, isIt: (item: Item) => boolean): void {
  for (const [place, item] of items.entries()) if (item !== null && isIt(item)) items[place] = null;
}

export function clearLine<Item>(line: DelayLine<Item>): void {
  while (line.count > 0) takeFromLine(line);
}

function grow<Item>(line: DelayLine<Item>): void {
  const due = line.due.slice(line.head).concat(line.due.slice(0, line.head));
  const items = line.items.slice(line.head).concat(line.items.slice(0, line.head));
  const size = items.length;
  line.due = due.concat(Array.from({ length: size }, () => never));
  line.items = items.concat(Array.from({ length: size }, () => null));
  line.head = 0;
}
