/**
 * The chunked framing of an answer (RFC 9112, section 7.1), walked byte by byte over whatever pieces come in; what the chunks hold is stepped over by its reader.
 * Strict: CR LF where CR LF belongs, at most 13 hexadecimal digits, and bounds on extensions and trailers, both of which are skipped.
 */
const extensionBytesMax = 4096;
const trailerBytesMax = 16 * 1024;
const digitsMax = 13;

const size = 0;
const extension = 1;
const sizeEnd = 2;
const content = 3;
const contentCr = 4;
const contentLf = 5;
const trailerStart = 6;
const trailer = 7;
const trailerEnd = 8;
const last = 9;
const over = 10;

const cr = 0x0d;
const lf = 0x0a;

export class ChunkWalker {
  #place = size;
  #size = 0;
  #digits = 0;
  #skipped = 0;

  /** The terminal chunk and its trailers have been read. */
  get isOver(): boolean {
    return this.#place === over;
  }

  /** Bytes of content that come next; 0: framing does. */
  get left(): number {
    return this.#place === content ? this.#size : 0;
  }

  reset(): void {
    this.#place = size;
    this.#size = 0;
    this.#digits = 0;
    this.#skipped = 0;
  }

  /** So much content was read. */
  take(bytes: number): void {
    this.#size -= bytes;
    if (this.#size === 0) this.#place = contentCr;
  }

  /** Over framing, up to content or the end. @returns the place behind what was read; -1: this is no chunked framing */
  walk(data: Buffer, from: number, length: number): number {
    let at = from;
    while (at < length && this.#place !== content && this.#place !== over) {
      const next = this.#step(data[at] ?? 0);
      if (next === -1) return -1;
      this.#place = next;
      at += 1;
    }
    return at;
  }

  /** @returns the next place; -1: this byte must not stand here */
  #step(byte: number): number {
    switch (this.#place) {
      case size:
        return this.#readDigit(byte);
      case extension:
        if (byte === cr) return sizeEnd;
        return byte === lf || ++this.#skipped > extensionBytesMax ? -1 : extension;
      case sizeEnd:
        return byte === lf && this.#digits > 0 ? this.#beginContent() : -1;
      case contentCr:
        return byte === cr ? contentLf : -1;
      case contentLf:
        return byte === lf ? size : -1;
      default:
        return this.#stepTrailer(byte);
    }
  }

  #stepTrailer(byte: number): number {
    if (this.#place === last) return byte === lf ? over : -1;
    if (this.#place === trailerEnd) return byte === lf ? trailerStart : -1;
    if (byte === cr) return this.#place === trailerStart ? last : trailerEnd;
    return byte === lf || ++this.#skipped > trailerBytesMax ? -1 : trailer;
  }

  #readDigit(byte: number): number {
    if (byte === cr) return sizeEnd;
    if (byte === 0x3b || byte === 0x20 || byte === 0x09) return this.#digits > 0 ? extension : -1;
    const letter = byte | 0x20;
    const value = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
    if (value === -1 || this.#digits === digitsMax) return -1;
    this.#digits += 1;
    this.#size = this.#size * 16 + value;
    return size;
  }

  #beginContent(): number {
    this.#digits = 0;
    this.#skipped = 0;
    return this.#size === 0 ? trailerStart : content;
  }
}
