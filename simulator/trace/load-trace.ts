import type { SessionScript } from "../core/workload/session-script.ts";
import { sha256OfFile } from "./file-chunks.ts";
import { defaultFormatOptions, type TraceFormat } from "./trace-format.ts";
import { type ReadOptions, readTrace } from "./trace-reader.ts";
import { type TraceTable, TraceTableBuilder } from "./trace-table.ts";

export interface LoadedTrace {
  readonly table: TraceTable;
  /** Of a closed loop; the table is empty then. */
  readonly sessions: readonly SessionScript[];
  /** Of the file as it lies on the disk. */
  readonly sha256: string;
  readonly blockTokens: number | null;
  readonly notes: readonly string[];
}

/**
 * Reads and checks a whole trace file, zipped or not, at most `rowsMax` rows (or sessions) of it.
 * @throws InputError with file, line and column of the first ten problems
 */
export async function loadTrace(
  file: string,
  format: TraceFormat,
  rowsMax: number,
  options: Omit<ReadOptions, "itemsMax"> = defaultFormatOptions,
): Promise<LoadedTrace> {
  const table = new TraceTableBuilder();
  const sessions: SessionScript[] = [];
  const read = await readTrace(file, format, { ...options, itemsMax: rowsMax }, { row: (row) => table.add(row), session: (script) => sessions.push(script) });
  return { table: table.build(), sessions, sha256: await sha256OfFile(file), blockTokens: read.blockTokens, notes: read.notes };
}
