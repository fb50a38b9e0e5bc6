import type { TraceRow } from "./trace-row.ts";

/** What is wrong with a line; the reader adds file and line. Columns count characters from 1. */
export interface LineFault {
  readonly column: number;
  readonly field: string | null;
  readonly message: string;
  readonly fix: string;
}

/** Parses the lines of one trace file, in order. */
export interface LineParser {
  /** @returns the row; null where the line carries none (a header); or what is wrong */
  readLine(line: string): TraceRow | LineFault | null;
}

export interface TraceFormat {
  readonly name: string;
  readonly description: string;
  openLines(): LineParser;
}

export const isFault = (result: TraceRow | LineFault): result is LineFault => "message" in result;
