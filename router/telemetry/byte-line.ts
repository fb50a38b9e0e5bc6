/** Below it a loop is quicker than a call. */
const shortMax = 24;
const zero = 0x30;
const minus = 0x2d;
const point = 0x2e;
const wholeMax = 9_007_199_254_740_991;

/** A line that is put together as bytes, the next one in the same place: no string of it is ever made. */
export class ByteLine {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #length = 0;

  /** Only the first `length` are meant, and only until the line is cleared. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  put(bytes: Uint8Array): void {
    const count = bytes.length;
    this.#reserve(count);
    if (count > shortMax) this.#bytes.set(bytes, this.#length);
    else for (let place = 0; place < count; place += 1) this.#bytes[this.#length + place] = bytes[place] ?? 0;
    this.#length += count;
  }

  text(text: string): void {
    // What UTF-8 takes at most of a character of a string.
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** Letters, digits and hyphens. */
  ascii(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#bytes.write(text, this.#length, "latin1");
  }

  number(value: number): void {
    if (!Number.isInteger(value) || Math.abs(value) > wholeMax) this.ascii(String(value));
    else if (value < 0) {
      this.#byte(minus);
      this.#whole(-value);
    } else this.#whole(value);
  }

  /** With three digits behind the point. */
  thousandths(value: number): void {
    const all = Math.round(value * 1000);
    const whole = Math.floor(all / 1000);
    this.number(whole);
    this.#byte(point);
    this.threeDigits(all - whole * 1000);
  }

  /** @param value whole, below 1,000 */
  threeDigits(value: number): void {
    const hundreds = Math.floor(value / 100);
    const tens = Math.floor((value - hundreds * 100) / 10);
    this.#byte(zero + hundreds);
    this.#byte(zero + tens);
    this.#byte(zero + value - hundreds * 100 - tens * 10);
  }

  toString(): string {
    return this.#bytes.toString("utf8", 0, this.#length);
  }

  #whole(value: number): void {
    let digits = 1;
    for (let above = 10; above <= value; above *= 10) digits += 1;
    this.#reserve(digits);
    let rest = value;
    for (let at = this.#length + digits - 1; at >= this.#length; at -= 1) {
      const left = Math.floor(rest / 10);
      this.#bytes[at] = zero + (rest - left * 10);
      rest = left;
    }
    this.#length += digits;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
