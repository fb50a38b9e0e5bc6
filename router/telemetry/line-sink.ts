import { write, writeSync } from "node:fs";

/** A write costs what some ten lines cost: they leave together, half a second late at most. */
const batchCharacters = 64 * 1024;
const lateMs = 500;
/** Beyond it lines are dropped, and counted: a slow sink must not hold memory or requests. */
const waitingCharactersMax = 8 * 1024 * 1024;
const againMs = 20;

/** Lines to a file descriptor, in batches, one write at a time; whoever writes a line never waits. */
export class LineSink {
  readonly #descriptor: number;
  #lines: string[] = [];
  #characters = 0;
  /** What is being written, and how much of it has been. */
  #batch: Buffer | null = null;
  #written = 0;
  #timer: NodeJS.Timeout | null = null;
  #dropped = 0;
  #closed = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** @param line with its newline */
  write(line: string): void {
    if (this.#closed || this.#characters + line.length > waitingCharactersMax) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#characters >= batchCharacters) this.#next();
    else this.#later();
  }

  /** Writes what there is, and waits for it: for the end of the process. */
  flushSync(): void {
    if (this.#batch !== null) this.#lines.unshift(this.#batch.toString("utf8", this.#written));
    this.#batch = null;
    const rest = Buffer.from(this.#take());
    try {
      for (let at = 0; at < rest.length;) at += writeSync(this.#descriptor, rest, at);
    } catch {
      // The sink is gone, or full: there is nobody to tell.
    }
  }

  #later(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#next();
    }, lateMs).unref();
  }

  #next(): void {
    if (this.#batch !== null || this.#characters === 0) return;
    this.#batch = Buffer.from(this.#take());
    this.#written = 0;
    this.#push();
  }

  #take(): string {
    const text = this.#lines.join("");
    this.#lines = [];
    this.#characters = 0;
    return text;
  }

  #push(): void {
    const batch = this.#batch;
    if (batch === null) return;
    write(this.#descriptor, batch, this.#written, batch.length - this.#written, null, (error, bytes) => {
      if (this.#batch !== batch) return;
      if (error !== null) {
        if (error.code === "EAGAIN") setTimeout(() => this.#push(), againMs).unref();
        else this.#close();
        return;
      }
      this.#written += bytes;
      if (this.#written < batch.length) this.#push();
      else {
        this.#batch = null;
        if (this.#characters >= batchCharacters) this.#next();
        else if (this.#characters > 0) this.#later();
      }
    });
  }

  /** It cannot be written to any more. */
  #close(): void {
    this.#closed = true;
    this.#batch = null;
    this.#dropped += this.#lines.length;
    this.#take();
  }
}
