import { InputError, type Problem } from "../../router/config/problem.ts";
import { NotText, openChunks } from "./file-chunks.ts";
import { type Jitter, JitteredRows } from "./jittered-rows.ts";
import { LineError, type FormatOptions, type LineParser, type TraceFormat, type TraceHeader, type TraceSink } from "./trace-format.ts";

/** What buffered text may grow to when a format does not say otherwise. */
const lineMaxDefault = 1 << 20;
const problemsMax = 10;

export interface ReadTrace extends TraceHeader {
  /** Rows, or sessions of a closed loop. */
  readonly items: number;
  readonly notes: readonly string[];
}

export interface ReadOptions extends FormatOptions {
  /** Rows or sessions; Infinity: all. */
  readonly itemsMax: number;
  /** Spreads the rows of one instant; absent: they stay as they are. */
  readonly jitter?: Jitter | null;
}

/**
 * Streams a trace file, zipped or not, into a sink; memory does not grow with the file.
 * @throws InputError with file, line and column of the first ten problems; what the sink got until then is to be thrown away
 */
export async function readTrace(file: string, format: TraceFormat, options: ReadOptions, sink: TraceSink): Promise<ReadTrace> {
  const parser = format.openLines(options);
  const jittered = options.jitter == null ? null : new JitteredRows(options.jitter, sink);
  const reader = new TraceReader(file, format, parser, options.itemsMax, jittered ?? sink);
  try {
    const decoder = new TextDecoder("utf-8");
    for await (const chunk of await openChunks(file)) {
      reader.feed(decoder.decode(chunk, { stream: true }));
      if (reader.done) break;
    }
    if (!reader.done) reader.end();
    jittered?.end();
  } catch (error) {
    reader.fail(error);
  }
  const read = reader.finish();
  if (jittered === null || options.jitter == null) return read;
  return { ...read, notes: [...read.notes, `rows of one instant are spread over ${options.jitter.withinUs / 1_000_000} s, seed ${options.jitter.seed}`] };
}

class TraceReader {
  readonly #file: string;
  readonly #parser: LineParser;
  readonly #itemsMax: number;
  readonly #lineMax: number;
  readonly #sink: TraceSink;
  readonly #problems: Problem[] = [];
  #items = 0;
  #line = 0;
  #rest = "";

  constructor(file: string, format: TraceFormat, parser: LineParser, itemsMax: number, sink: TraceSink) {
    this.#file = file;
    this.#parser = parser;
    this.#itemsMax = itemsMax;
    this.#lineMax = format.lineMax ?? lineMaxDefault;
    // A line may carry several: those beyond the limit are not passed on.
    this.#sink = {
      row: (row) => {
        if (this.#items === 0) sink.begin?.(this.#header());
        this.#items += 1;
        if (this.#items <= itemsMax) sink.row(row);
      },
      session: (script) => {
        if (this.#items === 0) sink.begin?.(this.#header());
        this.#items += 1;
        if (this.#items <= itemsMax) sink.session(script);
      },
    };
  }

  get done(): boolean {
    return this.#items >= this.#itemsMax || this.#problems.length >= problemsMax;
  }

  feed(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1 && !this.done; end = text.indexOf("\n", start)) {
      this.#take(this.#rest + text.slice(start, end));
      this.#rest = "";
      start = end + 1;
    }
    this.#rest += text.slice(start);
    if (this.#rest.length > this.#lineMax && !this.done) {
      this.#line += 1;
      this.#report(this.#line, 1, null, "the line does not end", "check that this is a text file with one row a line");
      throw new InputError(this.#problems);
    }
  }

  /** The last row may stand there without a line break. */
  end(): void {
    if (this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
    this.#guarded(() => this.#parser.end?.(this.#sink));
  }

  fail(error: unknown): void {
    if (error instanceof InputError) throw error;
    if (error instanceof NotText) {
      this.#report(0, null, null, error.message, error.fix);
      return;
    }
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

  finish(): ReadTrace {
    if (this.#problems.length === 0 && this.#line === 0)
      this.#report(0, null, null, "the trace file is empty", "give a file with a header line and at least one row");
    else if (this.#problems.length === 0 && this.#items === 0)
      this.#report(this.#line, null, null, "the trace has a header, but no rows", "give at least one row");
    if (this.#problems.length > 0) throw new InputError(this.#problems);
    return {
      items: Math.min(this.#items, this.#itemsMax),
      ...this.#header(),
      notes: this.#parser.notes?.() ?? [],
    };
  }

  #header(): TraceHeader {
    return { originUs: this.#parser.originUs ?? 0, blockTokens: this.#parser.blockTokens };
  }

  #take(text: string): void {
    this.#line += 1;
    let line = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (this.#line === 1 && line.startsWith("\uFEFF")) line = line.slice(1);
    if (line === "" && this.#line > 1) {
      this.#report(this.#line, 1, null, "the line is empty", "remove it");
      return;
    }
    this.#guarded(() => this.#parser.readLine(line, this.#sink));
  }

  #guarded(parse: () => void): void {
    try {
      parse();
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      const { column, field, message, fix, line } = error.fault;
      this.#report(line ?? this.#line, column, field, message, fix);
      // Under a wrong header every row would be wrong.
      if (this.#line === 1) throw new InputError(this.#problems);
    }
  }

  #report(line: number, column: number | null, field: string | null, message: string, fix: string): void {
    this.#problems.push({ file: this.#file, line: line === 0 ? null : line, column, field, message, fix });
  }
}

/** The beginning of the first line, without byte order mark; null where there is none. */
export async function firstLineOf(file: string): Promise<string | null> {
  let text = "";
  const decoder = new TextDecoder("utf-8");
  try {
    for await (const chunk of await openChunks(file)) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes("\n") || text.length > 1 << 16) break;
    }
  } catch {
    // The reader says what is wrong, with its place.
  }
  const [line = ""] = text.replace(/^\uFEFF/, "").split("\n", 1);
  return line === "" ? null : line.replace(/\r$/, "");
}
