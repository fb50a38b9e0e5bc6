const nothing = Buffer.alloc(0);
const eventBytesMax = 16 * 1024 * 1024;

/** Finds the blank lines between the events of a stream, however its bytes are split. */
export class EventSplitter {
  #carry: Buffer = nothing;
  #carried = 0;
  #separator: "\n\n" | "\r\n\r\n" | null = null;

  /** What is left of the last chunk, and this one. */
  join(chunk: Uint8Array): Buffer {
    const fresh = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#carried = this.#carry.length;
    const data = this.#carried === 0 ? fresh : Buffer.concat([this.#carry, fresh]);
    this.#carry = nothing;
    return data;
  }

  /** Where to look first in what `join` gave: what was there before has no end of an event. */
  get searchFrom(): number {
    return Math.max(0, this.#carried - 3);
  }

  /** Behind the blank line; -1: not here yet. */
  endOfEvent(data: Buffer, from: number): number {
    if (this.#separator === null) {
      const newline = data.indexOf(0x0a);
      if (newline === -1) return -1;
      this.#separator = data[newline - 1] === 0x0d ? "\r\n\r\n" : "\n\n";
    }
    const at = data.indexOf(this.#separator, from);
    return at === -1 ? -1 : at + this.#separator.length;
  }

  /** @returns whether it is short enough to be an event's beginning */
  keep(rest: Buffer): boolean {
    this.#carry = rest;
    return rest.length <= eventBytesMax;
  }

  /** An event that no blank line ended. */
  get rest(): Buffer {
    return this.#carry;
  }
}

/** The `data` lines of an event, joined. */
export function payloadOf(event: Buffer): string {
  const text = event.toString("utf8");
  const lines = text.split(/\r?\n/);
  const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(line.startsWith("data: ") ? 6 : 5));
  return data.join("\n").trim();
}

export function parsedPayload(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
