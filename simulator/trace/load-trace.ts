import { InputError } from "../../router/config/problem.ts";
import type { Problem } from "../../router/config/problem.ts";
import { openChunks, sha256OfFile } from "./file-chunks.ts";
import { isFault } from "./trace-format.ts";
import type { LineParser, TraceFormat } from "./trace-format.ts";
import { TraceTableBuilder } from "./trace-row.ts";
import type { TraceTable } from "./trace-row.ts";

export interface LoadedTrace {
  readonly table: TraceTable;
  /** Of the file as it lies on the disk. */
  readonly sha256: string;
}

/** A line longer than this is no line of a trace; what is buffered stays bounded. */
const lineMax = 1 << 20;
const problemsMax = 10;

/**
 * Reads and checks a trace file, zipped or not, at most `rowsMax` rows of it.
 * @throws InputError with file, line and column of the first ten problems
 */
export async function loadTrace(file: string, format: TraceFormat, rowsMax: number): Promise<LoadedTrace> {
  const reader = new TraceReader(file, format.openLines(), rowsMax);
  try {
    const decoder = new TextDecoder("utf-8");
    for await (const chunk of await openChunks(file)) {
      reader.feed(decoder.decode(chunk, { stream: true }));
      if (reader.done) break;
    }
    if (!reader.done) reader.end();
  } catch (error) {
    reader.fail(error);
  }
  return { table: reader.finish(), sha256: await sha256OfFile(file) };
}

class TraceReader {
  readonly #file: string;
  readonly #parser: LineParser;
  readonly #rowsMax: number;
  readonly #table = new TraceTableBuilder();
  readonly #problems: Problem[] = [];
  #line = 0;
  #rest = "";

  constructor(file: string, parser: LineParser, rowsMax: number) {
    this.#file = file;
    this.#parser = parser;
    this.#rowsMax = rowsMax;
  }

  get done(): boolean {
    return this.#table.rows >= this.#rowsMax || this.#problems.length >= problemsMax;
  }

  feed(text: string): void {
    const buffered = this.#rest + text;
    let start = 0;
    for (let end = buffered.indexOf("\n"); end !== -1 && !this.done; end = buffered.indexOf("\n", start)) {
      this.#take(buffered.slice(start, end));
      start = end + 1;
    }
    this.#rest = buffered.slice(start);
    if (this.#rest.length > lineMax && !this.done) {
      this.#line += 1;
      this.#report(this.#line, 1, null, "the line does not end", "check that this is a text file with one row a line");
      throw new InputError(this.#problems);
    }
  }

  /** The last row may stand there without a line break. */
  end(): void {
    if (this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
  }

  fail(error: unknown): void {
    if (error instanceof InputError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "Z_BUF_ERROR") {
      this.#report(this.#line, null, null, "the gzip file is cut off: it ends in the middle", "fetch or write the file again and compare its size");
    } else if (code.startsWith("Z_")) {
      this.#report(this.#line, null, null, `the gzip file is damaged (${code})`, "fetch or write the file again and compare its checksum");
    } else if (code === "ENOENT") {
      this.#report(0, null, null, "there is no such trace file", "check the path and what it is relative to");
    } else if (code === "EISDIR" || code === "EACCES" || code === "ENOTDIR") {
      this.#report(0, null, null, `the trace cannot be read (${code})`, "give the path of a readable file");
    } else {
      throw error;
    }
  }

  finish(): TraceTable {
    if (this.#problems.length === 0 && this.#line === 0)
      this.#report(0, null, null, "the trace file is empty", "give a file with a header line and at least one row");
    else if (this.#problems.length === 0 && this.#table.rows === 0)
      this.#report(this.#line, null, null, "the trace has a header, but no rows", "give at least one row");
    if (this.#problems.length > 0) throw new InputError(this.#problems);
    return this.#table.build();
  }

  #take(text: string): void {
    this.#line += 1;
    let line = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (this.#line === 1 && line.startsWith("\uFEFF")) line = line.slice(1);
    if (line === "" && this.#line > 1) {
      this.#report(this.#line, 1, null, "the line is empty", "remove it");
      return;
    }
    const row = this.#parser.readLine(line);
    if (row === null) return;
    if (!isFault(row)) {
      this.#table.add(row);
      return;
    }
    this.#report(this.#line, row.column, row.field, row.message, row.fix);
    // Under a wrong header every row would be wrong.
    if (this.#line === 1) throw new InputError(this.#problems);
  }

  #report(line: number, column: number | null, field: string | null, message: string, fix: string): void {
    this.#problems.push({ file: this.#file, line: line === 0 ? null : line, column, field, message, fix });
  }
}
