import { randomFillSync } from "node:crypto";

const perBlock = 128;
const randomBytes = 16;
const nameLength = 36;
const hyphens: ReadonlySet<number> = new Set([8, 13, 18, 23]);
const digits = Buffer.from("0123456789abcdef");

/** Random UUIDs (RFC 9562, version 4), made a block at a time: each is a piece of one string. */
export class RequestNames {
  readonly #random = Buffer.allocUnsafeSlow(perBlock * randomBytes);
  readonly #text = Buffer.allocUnsafeSlow(perBlock * nameLength);
  #block = "";
  #place = perBlock;

  next(): string {
    if (this.#place === perBlock) this.#fill();
    const start = this.#place * nameLength;
    this.#place += 1;
    return this.#block.slice(start, start + nameLength);
  }

  #fill(): void {
    randomFillSync(this.#random);
    for (let name = 0; name < perBlock; name += 1) this.#write(name * randomBytes, name * nameLength);
    this.#block = this.#text.toString("latin1");
    this.#place = 0;
  }

  #write(from: number, to: number): void {
    const random = this.#random;
    random[from + 6] = ((random[from + 6] ?? 0) & 0x0f) | 0x40;
    random[from + 8] = ((random[from + 8] ?? 0) & 0x3f) | 0x80;
    let half = 2 * from;
    for (let at = 0; at < nameLength; at += 1) {
      if (hyphens.has(at)) {
        this.#text[to + at] = 0x2d;
        continue;
      }
      const byte = random[half >> 1] ?? 0;
      this.#text[to + at] = digits[half % 2 === 0 ? byte >> 4 : byte & 0x0f] ?? 0;
      half += 1;
    }
  }
}
