import type { SessionScript } from "../core/workload/session-script.ts";
import type { TraceRow } from "./trace-row.ts";

/** What is wrong with a line; the reader adds file and line. Columns count characters from 1. */
export interface LineFault {
  readonly column: number;
  readonly field: string | null;
  readonly message: string;
  readonly fix: string;
  /** Where it is not the line that is being read: rows may be held back. */
  readonly line?: number;
}

/** Thrown by line parsers. */
export class LineError extends Error {
  readonly fault: LineFault;
  constructor(fault: LineFault) {
    super(fault.message);
    this.name = "LineError";
    this.fault = fault;
  }
}

export function refuse(column: number, field: string | null, message: string, fix: string): never {
  throw new LineError({ column, field, message, fix });
}

export interface TraceHeader {
  /** Microseconds since 1970, or since what the source counts from, of the first row. */
  readonly originUs: number;
  /** Tokens per block id; null where rows carry none. */
  readonly blockTokens: number | null;
}

/** Where what was read goes: requests at given instants, or sessions that are closed loops. */
export interface TraceSink {
  /** Before the first of them. */
  begin?(header: TraceHeader): void;
  row(row: TraceRow): void;
  session(script: SessionScript): void;
}

/** Parses the lines of one trace file, in order. */
export interface LineParser {
  /** @throws LineError */
  readLine(line: string, sink: TraceSink): void;
  /** After the last line: what was held back. */
  end?(sink: TraceSink): void;
  /** Microseconds since 1970, or since what the source counts from, of the first row; null before it. */
  readonly originUs: number | null;
  /** Tokens per block id; null where rows carry none. */
  readonly blockTokens: number | null;
  /** What had to be assumed or was left out, in words. */
  notes?(): readonly string[];
}

export interface FormatOptions {
  /** Of what is drawn: by formats that describe a load instead of recording one. */
  readonly seed: number;
  /** Of the `columns` format: our name to theirs. */
  readonly map: Readonly<Record<string, string>> | null;
  readonly timeUnit: TimeUnit | null;
}
export type TimeUnit = "s" | "ms" | "us" | "ns";
export const defaultFormatOptions: FormatOptions = { seed: 1, map: null, timeUnit: null };

export interface TraceFormat {
  readonly name: string;
  readonly description: string;
  /** Whether a file that begins with this line is one of these. */
  detect(firstLine: string): boolean;
  openLines(options: FormatOptions): LineParser;
  /** Characters; longer lines are refused. Absent: a million. */
  readonly lineMax?: number;
}
