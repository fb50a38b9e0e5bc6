/**
 * Plain data as bytes: null, booleans, numbers, strings, arrays, objects, Int32Array, Float64Array. Self-describing, so that a journal outlives the types of the day.
 *
 * A value is a tag and its content. Whole numbers below 2^52 are zigzag varints (7 bits a byte, low ones first), all others 8 bytes of IEEE 754, little-endian. A string
 * is its length and its UTF-16 units as varints. Short strings, and the lists of keys that objects have, are written once per stream and named by number afterwards:
 * reader and writer count alike, up to `namedMax`. What is read must be read from the stream's beginning.
 */
import { assert, present } from "../assert.ts";

const tag = {
  null: 0,
  undefined: 1,
  false: 2,
  true: 3,
  whole: 4,
  float: 5,
  string: 6,
  newString: 7,
  oldString: 8,
  array: 9,
  newShape: 10,
  oldShape: 11,
  int32: 12,
  float64: 13,
};
/** Names and shapes that are kept in mind; later ones are written in full. */
const namedMax = 4096;
const namedLengthMax = 64;
const wholeMax = 4_503_599_627_370_496;

export class PlainWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #strings = new Map<string, number>();
  readonly #shapes = new Map<string, number>();

  /** What has been written since the last call. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  /** @param value whole, not negative, at most 2^53 */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length] = 128 + (rest % 128);
      this.#length += 1;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length] = rest;
    this.#length += 1;
  }

  value(value: unknown): void {
    if (value === null) this.byte(tag.null);
    else if (value === undefined) this.byte(tag.undefined);
    else if (typeof value === "boolean") this.byte(value ? tag.true : tag.false);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#string(value);
    else if (Array.isArray(value)) {
      this.byte(tag.array);
      this.varint(value.length);
      for (const part of value) this.value(part);
    } else if (value instanceof Int32Array || value instanceof Float64Array) this.#numbers(value);
    else {
      assert(typeof value === "object", `a journal holds something that is not plain data (${typeof value})`);
      this.#object(value as Readonly<Record<string, unknown>>);
    }
  }

  #number(value: number): void {
    if (Math.abs(value) < wholeMax && value === Math.floor(value) && !Object.is(value, -0)) {
      this.byte(tag.whole);
      this.varint(value < 0 ? -2 * value - 1 : 2 * value);
    } else {
      this.byte(tag.float);
      this.#float(value);
    }
  }

  #float(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  #string(value: string): void {
    const known = this.#strings.get(value);
    if (known !== undefined) {
      this.byte(tag.oldString);
      this.varint(known);
      return;
    }
    const named = value.length <= namedLengthMax && this.#strings.size < namedMax;
    if (named) this.#strings.set(value, this.#strings.size);
    this.byte(named ? tag.newString : tag.string);
    this.#text(value);
  }

  #text(value: string): void {
    this.varint(value.length);
    for (let place = 0; place < value.length; place += 1) this.varint(value.charCodeAt(place));
  }

  #object(value: Readonly<Record<string, unknown>>): void {
    const keys = Object.keys(value);
    let shape = "";
    for (const key of keys) shape += `${key.length}:${key}`;
    const known = this.#shapes.get(shape);
    if (known === undefined) {
      if (this.#shapes.size < namedMax) this.#shapes.set(shape, this.#shapes.size);
      this.byte(tag.newShape);
      this.varint(keys.length);
      for (const key of keys) this.#string(key);
    } else {
      this.byte(tag.oldShape);
      this.varint(known);
    }
    for (const key of keys) this.value(value[key]);
  }

  #numbers(value: Int32Array | Float64Array): void {
    this.byte(value instanceof Int32Array ? tag.int32 : tag.float64);
    this.varint(value.length);
    for (const part of value) this.#float(part);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * this.#bytes.length);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

export class PlainReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #strings: string[] = [];
  readonly #shapes: (readonly string[])[] = [];

  /** Goes on with the next bytes of the same stream. */
  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
  }

  byte(): number {
    const value = present(this.#bytes[this.#at], "a byte of the journal");
    this.#at += 1;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const part = this.byte();
      if (part < 128) return value + part * scale;
      value += (part - 128) * scale;
    }
  }

  value(): unknown {
    const kind = this.byte();
    switch (kind) {
      case tag.null:
        return null;
      case tag.undefined:
        return undefined;
      case tag.false:
      case tag.true:
        return kind === tag.true;
      case tag.whole:
        return this.#whole();
      case tag.float:
        return this.#float();
      case tag.string:
      case tag.newString:
      case tag.oldString:
        return this.#string(kind);
      case tag.array:
        return Array.from({ length: this.varint() }, () => this.value());
      case tag.newShape:
      case tag.oldShape:
        return this.#object(kind);
      case tag.int32:
        return Int32Array.from(this.#floats());
      case tag.float64:
        return Float64Array.from(this.#floats());
      default:
        throw new Error(`assertion: ${kind} is no tag of a journal`);
    }
  }

  #whole(): number {
    const zigzag = this.varint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  #float(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  #floats(): number[] {
    return Array.from({ length: this.varint() }, () => this.#float());
  }

  #string(kind: number): string {
    if (kind === tag.oldString) return present(this.#strings[this.varint()], "a string of the journal");
    let text = "";
    for (let left = this.varint(); left > 0; left -= 1) text += String.fromCharCode(this.varint());
    if (kind === tag.newString) this.#strings.push(text);
    return text;
  }

  #object(kind: number): Record<string, unknown> {
    const keys = kind === tag.oldShape ? present(this.#shapes[this.varint()], "a shape of the journal") : this.#newShape();
    const value: Record<string, unknown> = {};
    for (const key of keys) value[key] = this.value();
    return value;
  }

  #newShape(): readonly string[] {
    const keys = Array.from({ length: this.varint() }, () => this.#string(this.byte()));
    if (this.#shapes.length < namedMax) this.#shapes.push(keys);
    return keys;
  }
}
