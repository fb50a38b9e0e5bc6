/**
 * A journal: every input of a core, and what it answered, in segments that each stand for themselves. A segment begins with the core's snapshot, so that it can be
 * replayed without the ones before it. Wakes are in it only where they matter: a driver on the wall clock lets no event come at the instant of a wake before it, so
 * that events alone lead to the same commands; in virtual time an outcome may follow a deadline within the instant.
 *
 * File: the 8 bytes `HGJRNL01`, then records: length (varint), 4 bytes of FNV-1a over the content (little-endian), content. The first record is the head; then events
 * and commands with their instants, as the difference to the record before; then, where its writer came to it, its end. What a crash has torn off
 * is missed by the length or the sum, and reading stops there.
 */
import type { CompiledConfig } from "../compiled-config.ts";
import type { Instant } from "../machine.ts";
import type { RouterCommand, RouterEvent } from "../messages.ts";
import type { RouterState } from "../state.ts";
import { instantAt } from "../time.ts";
import { PlainReader, PlainWriter } from "./plain-codec.ts";

export interface SegmentHead {
  /** Of the program that wrote it. */
  readonly headgate: string;
  /** 0 up: which segment of its journal this is. */
  readonly number: number;
  /** Inputs that were lost before it, since the journal's beginning. */
  readonly dropped: number;
  readonly seed: number;
  readonly explain: boolean;
  readonly config: CompiledConfig;
  readonly snapshot: RouterState;
}

export type JournalRecord =
  | { readonly kind: "event"; readonly at: Instant; readonly event: RouterEvent }
  | { readonly kind: "command"; readonly at: Instant; readonly command: RouterCommand }
  | { readonly kind: "wake"; readonly at: Instant };

/** `inputs-dropped`: what came next was lost, perhaps some of what follows from the last event among it. */
export type SegmentEnd = "complete" | "inputs-dropped";

export interface Segment {
  readonly head: SegmentHead;
  readonly records: readonly JournalRecord[];
  /** Null: it ends in good order. */
  readonly torn: string | null;
}

const segmentMagic = "HGJRNL01";
const kindOf = { head: 0, event: 1, command: 2, end: 3, wake: 4 };

/** The bytes of one segment, piece by piece. */
export class SegmentWriter {
  readonly #plain = new PlainWriter();
  readonly #head: SegmentHead;
  #last: Instant;

  constructor(head: SegmentHead) {
    this.#head = head;
    this.#last = head.snapshot.now;
  }

  begin(): Uint8Array {
    this.#plain.byte(kindOf.head);
    this.#plain.value(this.#head);
    const magic = Uint8Array.from({ length: segmentMagic.length }, (_, place) => segmentMagic.charCodeAt(place));
    return joined(magic, framed(this.#plain.take()));
  }

  record(record: JournalRecord): Uint8Array {
    this.#plain.byte(kindOf[record.kind]);
    // A command may bear an earlier instant than the event before it: the deadline that it was due at.
    this.#plain.value(record.at - this.#last);
    this.#last = record.at;
    if (record.kind !== "wake") this.#plain.value(record.kind === "event" ? record.event : record.command);
    return framed(this.#plain.take());
  }

  end(how: SegmentEnd): Uint8Array {
    this.#plain.byte(kindOf.end);
    this.#plain.value(how);
    return framed(this.#plain.take());
  }
}

/** @throws Error when it is no segment at all; what is torn at its end is said, not thrown */
export function readSegment(bytes: Uint8Array): Segment {
  for (let place = 0; place < segmentMagic.length; place += 1)
    if (bytes[place] !== segmentMagic.charCodeAt(place)) throw new Error("it does not begin as a segment of a journal");
  const frames = new Frames(bytes, segmentMagic.length);
  const plain = new PlainReader();
  const first = frames.next();
  if (first === null) throw new Error(`its head is incomplete (${frames.torn ?? "it is empty"})`);
  plain.open(first);
  if (plain.byte() !== kindOf.head) throw new Error("its first record is no head");
  const head = plain.value() as SegmentHead;
  const records: JournalRecord[] = [];
  let last = head.snapshot.now;
  for (let frame = frames.next(); frame !== null; frame = frames.next()) {
    plain.open(frame);
    const kind = plain.byte();
    if (kind === kindOf.end) return { head, records, torn: plain.value() === "complete" ? null : "what came after it was dropped" };
    last = instantAt(last + (plain.value() as number));
    if (kind === kindOf.event) records.push({ kind: "event", at: last, event: plain.value() as RouterEvent });
    else if (kind === kindOf.wake) records.push({ kind: "wake", at: last });
    else records.push({ kind: "command", at: last, command: plain.value() as RouterCommand });
  }
  return { head, records, torn: frames.torn ?? "it has no end: its writer stopped in the middle" };
}

function framed(content: Uint8Array): Uint8Array {
  let lengthBytes = 1;
  for (let rest = content.length; rest >= 128; rest >>>= 7) lengthBytes += 1;
  const frame = new Uint8Array(lengthBytes + 4 + content.length);
  for (let place = 0, rest = content.length; place < lengthBytes; place += 1, rest >>>= 7) frame[place] = (rest & 127) | (place + 1 < lengthBytes ? 128 : 0);
  const sum = fnv1a(content);
  for (let place = 0; place < 4; place += 1) frame[lengthBytes + place] = (sum >>> (8 * place)) & 255;
  frame.set(content, lengthBytes + 4);
  return frame;
}

class Frames {
  readonly #bytes: Uint8Array;
  #at: number;
  /** Why `next` has found no further frame; null: there are no more bytes. */
  torn: string | null = null;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  next(): Uint8Array | null {
    if (this.#at >= this.#bytes.length) return null;
    const start = this.#at;
    let length = 0;
    let at = start;
    for (let scale = 1; ; scale *= 128) {
      const part = this.#bytes[at] ?? 0;
      length += (part % 128) * scale;
      at += 1;
      if (part < 128 || scale > 1e9) break;
    }
    const content = this.#bytes.subarray(at + 4, at + 4 + length);
    if (content.length < length || at + 4 > this.#bytes.length) {
      this.torn = `the record at byte ${start} is cut off`;
      return null;
    }
    const sum = [0, 1, 2, 3].reduce((total, place) => total | ((this.#bytes[at + place] ?? 0) << (8 * place)), 0);
    if (sum !== (fnv1a(content) | 0)) {
      this.torn = `the record at byte ${start} is damaged`;
      return null;
    }
    this.#at = at + 4 + length;
    return content;
  }
}

function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
