const lf = 0x0a;
const cr = 0x0d;
const nothing = Buffer.alloc(0);
const eventBytesMax = 16 * 1024 * 1024;

/** Finds the blank lines between the events of a stream, however its bytes are split. */
export class EventSplitter {
  #carry: Buffer = nothing;
  #carried = 0;
  /** What ends a line; as the first one is ended. */
  #lineEnd: "unknown" | "lf" | "crlf" = "unknown";

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
    if (this.#lineEnd === "unknown") {
      const newline = data.indexOf(lf);
      if (newline === -1) return -1;
      this.#lineEnd = data[newline - 1] === cr ? "crlf" : "lf";
    }
    for (let at = from; at < data.length; at += 1) {
      at = data.indexOf(lf, at);
      if (at === -1) return -1;
      if (this.#lineEnd === "lf" ? data[at + 1] === lf : data[at - 1] === cr && data[at + 1] === cr && data[at + 2] === lf)
        return at + (this.#lineEnd === "lf" ? 2 : 3);
    }
    return -1;
  }

  /** @param from where the event begins that has no end yet @returns whether it is short enough to be one */
  keep(data: Buffer, from: number): boolean {
    this.#carry = from === data.length ? nothing : data.subarray(from);
    return data.length - from <= eventBytesMax;
  }

  /** An event that no blank line ended. */
  get rest(): Buffer {
    return this.#carry;
  }
}

/** The `data` lines of an event, joined. */
export function payloadOf(event: Buffer): string {
  const text = event.toString("utf8");
  const newline = text.indexOf("\n");
  // Nearly all events are one such line.
  if (text.startsWith("data: ") && (newline === -1 || text.trimEnd().length <= newline)) return text.slice(6).trim();
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
