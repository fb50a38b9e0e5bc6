import { write } from "node:fs";

/** A write costs what some ten lines cost: they leave together, half a second late at most. */
const batchBytes = 64 * 1024;
const lateMs = 500;
/** Beyond it lines are dropped, and counted: a slow sink must not hold memory or requests. */
const waitingBytesMax = 8 * 1024 * 1024;
const againMs = 20;
const flushMs = 2000;
/** What UTF-8 takes at most of a character of a string. */
const bytesPerCharacterMax = 3;

/** Lines that leave together, as bytes: strings would live until then, and be copied by the garbage collector meanwhile. */
interface Batch {
  readonly bytes: Buffer;
  used: number;
  lines: number;
}

const newBatch = (size: number): Batch => ({ bytes: Buffer.allocUnsafeSlow(Math.max(batchBytes, size)), used: 0, lines: 0 });

/** It may have room again: the batch is lost, and no other. */
const isFull = ({ code }: NodeJS.ErrnoException): boolean => code === "ENOSPC" || code === "EDQUOT";

/** Lines to a file descriptor, in batches, one write at a time; whoever writes a line never waits. */
export class LineSink {
  readonly #descriptor: number;
  #filling = newBatch(0);
  /** Full batches; the first is being written. */
  #waiting: Batch[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #written = 0;
  #spare: Batch | null = null;
  #timer: NodeJS.Timeout | null = null;
  #dropped = 0;
  #closed = false;
  #onEmpty: (() => void) | null = null;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** @param line with its newline */
  write(line: string): void {
    const batch = this.#batchFor(line.length * bytesPerCharacterMax);
    if (batch !== null) batch.used += batch.bytes.write(line, batch.used);
  }

  /** @param line its first `length` bytes, with its newline */
  writeBytes(line: Buffer, length: number): void {
    const batch = this.#batchFor(length);
    if (batch !== null) batch.used += line.copy(batch.bytes, batch.used, 0, length);
  }

  /** Where so many bytes of a line can go; null: nowhere, and it is dropped. */
  #batchFor(size: number): Batch | null {
    if (this.#closed || (size > this.#left && this.#waitingBytes + this.#filling.used > waitingBytesMax)) {
      this.#dropped += 1;
      return null;
    }
    if (size > this.#left) this.#leave(size);
    this.#filling.lines += 1;
    if (this.#timer === null) this.#timer = setTimeout(this.#onLate, lateMs).unref();
    return this.#filling;
  }

  /** Writes what there is, for the end of the process; what cannot be written within two seconds, since nobody reads, is dropped and counted. */
  async flush(): Promise<void> {
    this.#leave(0);
    const tooLate = setTimeout(() => this.#close(), flushMs);
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      this.#tellEmpty();
    });
    clearTimeout(tooLate);
  }

  get #left(): number {
    return this.#filling.bytes.length - this.#filling.used;
  }

  readonly #onLate = (): void => {
    this.#timer = null;
    if (this.#waiting.length === 0) this.#leave(0);
    else this.#timer = setTimeout(this.#onLate, lateMs).unref();
  };

  /** @param size of what comes next */
  #leave(size: number): void {
    const batch = this.#filling;
    this.#filling = this.#spare !== null && this.#spare.bytes.length >= size ? this.#spare : newBatch(size);
    this.#spare = null;
    if (batch.used === 0) return;
    this.#waiting.push(batch);
    this.#waitingBytes += batch.used;
    this.#push();
  }

  #push(): void {
    const [batch] = this.#waiting;
    if (batch === undefined || this.#isWriting) return;
    this.#isWriting = true;
    write(this.#descriptor, batch.bytes, this.#written, batch.used - this.#written, null, (error, bytes) => {
      if (this.#waiting[0] !== batch) return;
      this.#isWriting = false;
      if (error !== null && !isFull(error)) {
        if (error.code === "EAGAIN") setTimeout(() => this.#push(), againMs).unref();
        else this.#close();
        return;
      }
      if (error !== null) this.#dropped += batch.lines;
      else this.#written += bytes;
      if (error !== null || this.#written === batch.used) this.#over(batch);
      this.#push();
      this.#tellEmpty();
    });
  }

  #tellEmpty(): void {
    if (this.#waiting.length > 0) return;
    this.#onEmpty?.();
    this.#onEmpty = null;
  }

  #over(batch: Batch): void {
    this.#waiting.shift();
    this.#waitingBytes -= batch.used;
    this.#written = 0;
    batch.used = 0;
    batch.lines = 0;
    if (batch.bytes.length === batchBytes) this.#spare = batch;
  }

  /** It cannot be written to any more. */
  #close(): void {
    this.#closed = true;
    for (const { lines } of [...this.#waiting, this.#filling]) this.#dropped += lines;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#written = 0;
    this.#filling = newBatch(0);
    this.#tellEmpty();
  }
}
