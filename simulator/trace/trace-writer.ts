import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { InputError } from "../../router/config/problem.ts";
import type { SessionScript } from "../core/workload/session-script.ts";
import { headerLine, rowLine, sessionLine } from "./formats/headgate-trace.ts";
import type { TraceHeader, TraceSink } from "./trace-format.ts";
import type { TraceRow } from "./trace-row.ts";

const bufferMax = 1 << 20;

/**
 * Writes a trace in our own form, zipped where the name ends in .gz. It is written beside its place and moved there by `finish`: the file is whole or not there.
 * Its writes are synchronous, so that what waits to be written stays below a megabyte however fast rows come.
 */
export class TraceWriter implements TraceSink {
  readonly #file: string;
  readonly #part: string;
  readonly #source: string;
  readonly #descriptor: number;
  #text = "";
  #items = 0;

  /** @throws InputError where the file cannot be written */
  constructor(file: string, source: string) {
    this.#file = file;
    this.#part = `${file}.part-${process.pid}`;
    this.#source = source;
    try {
      this.#descriptor = openSync(this.#part, "w");
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      throw new InputError([
        { file, line: null, column: null, field: null, message: `cannot be written (${code})`, fix: "give a file in a folder that exists and may be written" },
      ]);
    }
  }

  get items(): number {
    return this.#items;
  }

  begin({ originUs, blockTokens }: TraceHeader): void {
    this.#line(headerLine(originUs, blockTokens, this.#source));
  }

  row(row: TraceRow): void {
    this.#items += 1;
    this.#line(rowLine(row));
  }

  session(script: SessionScript): void {
    this.#items += 1;
    this.#line(sessionLine(script));
  }

  finish(): void {
    this.#flush();
    closeSync(this.#descriptor);
    renameSync(this.#part, this.#file);
  }

  /** Nothing is left behind. */
  discard(): void {
    closeSync(this.#descriptor);
    rmSync(this.#part, { force: true });
  }

  #line(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length >= bufferMax) this.#flush();
  }

  #flush(): void {
    if (this.#text === "") return;
    // Gzip files may be put one behind the other.
    const bytes = this.#file.endsWith(".gz") ? gzipSync(this.#text) : Buffer.from(this.#text);
    for (let written = 0; written < bytes.length;) written += writeSync(this.#descriptor, bytes, written);
    this.#text = "";
  }
}
