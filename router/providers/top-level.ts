import { bodyKeys, keyAt } from "./body-keys.ts";
import type { Splice } from "./sent-body.ts";
import { skipBlanks, skipString, skipValue } from "./json-skip.ts";

/** Where something stands in the body's bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;

const nothing = new Uint8Array(0);
const noCuts: readonly Splice[] = [];

/** In what JSON.stringify wrote, a key with an escape is none of ours. */
export type Origin = "given" | "rewritten";

/** The members of the body's top level that are read: where their values stand, and what takes those that are the router's own out of it. Filled anew by every scan. */
export class TopLevel {
  readonly #starts = new Int32Array(bodyKeys.length);
  readonly #ends = new Int32Array(bodyKeys.length);
  cuts: readonly Splice[] = noCuts;
  /** Some are the router's own. */
  hasOurs = false;
  #keptEnd = -1;
  #cutStart = -1;
  empty = true;

  has(id: number): boolean {
    return (this.#starts[id] ?? -1) !== -1;
  }

  start(id: number): number {
    return this.#starts[id] ?? -1;
  }

  end(id: number): number {
    return this.#ends[id] ?? -1;
  }

  span(id: number): Span | null {
    return this.has(id) ? { start: this.start(id), end: this.end(id) } : null;
  }

  /** False: not sure. */
  find(body: Buffer, origin: Origin): boolean {
    this.#clear();
    let at = skipBlanks(body, 0);
    if (body[at] !== openBrace) return false;
    let before = -1;
    at = skipBlanks(body, at + 1);
    if (body[at] === closeBrace) return onlyBlanksFrom(body, at + 1);
    for (;;) {
      const end = this.#readMember(body, at, before, origin);
      if (end === -1) return false;
      at = skipBlanks(body, end);
      if (body[at] === closeBrace) {
        if (this.#cutStart !== -1) this.#cut(end);
        return onlyBlanksFrom(body, at + 1);
      }
      if (body[at] !== comma) return false;
      before = at;
      at = skipBlanks(body, at + 1);
    }
  }

  #clear(): void {
    this.#starts.fill(-1);
    this.cuts = noCuts;
    this.hasOurs = false;
    this.#keptEnd = -1;
    this.#cutStart = -1;
    this.empty = true;
  }

  /** @param before the comma before it; -1: it is the first @returns the place behind the member's value; -1: not sure */
  #readMember(body: Buffer, start: number, before: number, origin: Origin): number {
    if (body[start] !== quote) return -1;
    const keyEnd = skipString(body, start);
    if (keyEnd === -1) return -1;
    const key = keyAt(body, start + 1, keyEnd - 1);
    if (key === null && origin === "given" && mayEscape(body, start + 1, keyEnd - 1)) return -1;
    const at = skipBlanks(body, keyEnd);
    if (body[at] !== colon) return -1;
    const valueStart = skipBlanks(body, at + 1);
    const valueEnd = skipValue(body, valueStart);
    if (valueEnd === -1) return -1;
    if (key !== null) {
      if (this.has(key.id)) return -1;
      this.#starts[key.id] = valueStart;
      this.#ends[key.id] = valueEnd;
    }
    if (key?.isOurs === true) this.#leaveOut(start);
    else this.#keep(start, valueEnd, before);
    return valueEnd;
  }

  #leaveOut(start: number): void {
    this.hasOurs = true;
    if (this.#cutStart === -1) this.#cutStart = this.#keptEnd === -1 ? start : this.#keptEnd;
  }

  #keep(start: number, end: number, before: number): void {
    if (this.#cutStart !== -1) this.#cut(this.#keptEnd === -1 ? start : before);
    this.#keptEnd = end;
    this.empty = false;
  }

  #cut(end: number): void {
    this.cuts = [...this.cuts, { start: this.#cutStart, end, bytes: nothing }];
    this.#cutStart = -1;
  }
}

/** It may be a key of ours, written otherwise. */
function mayEscape(body: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (body[at] === 0x5c && body[at + 1] === 0x75) return true;
  return false;
}

function onlyBlanksFrom(body: Buffer, from: number): boolean {
  return skipBlanks(body, from) === body.length;
}
