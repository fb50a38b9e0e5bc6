/** Bytes of a body that others stand for when it is sent. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** A body as it is sent: nothing is copied before it is written. */
export interface SentBody {
  readonly source: Uint8Array;
  /** In order, none over another. */
  readonly splices: readonly Splice[];
}

const asItIs: readonly Splice[] = [];

export const wholeBody = (source: Uint8Array): SentBody => ({ source, splices: asItIs });

export function lengthOfBody({ source, splices }: SentBody): number {
  let length = source.length;
  for (const { start, end, bytes } of splices) length += bytes.length - (end - start);
  return length;
}

/** @returns the place behind it */
export function writeBody({ source, splices }: SentBody, target: Uint8Array, at: number): number {
  if (splices.length === 0) {
    target.set(source, at);
    return at + source.length;
  }
  let place = at;
  let from = 0;
  for (const { start, end, bytes } of splices) {
    place = copied(source, from, start, target, place);
    target.set(bytes, place);
    place += bytes.length;
    from = end;
  }
  return copied(source, from, source.length, target, place);
}

function copied(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): number {
  target.set(source.subarray(from, to), at);
  return at + to - from;
}

export function partsOf({ source, splices }: SentBody): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { start, end, bytes } of splices) {
    parts.push(source.subarray(from, start), bytes);
    from = end;
  }
  parts.push(source.subarray(from));
  return parts;
}

export const noBody: SentBody = wholeBody(new Uint8Array(0));
