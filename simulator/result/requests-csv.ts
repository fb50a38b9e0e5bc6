import { stringify } from "csv-stringify/sync";
import type { RequestColumns } from "./request-columns.ts";

const rowsAtOnce = 10_000;

/** In pieces: a million requests do not fit into one text. */
export function* requestsCsv(columns: RequestColumns): Generator<string, void, undefined> {
  const names = Object.keys(columns);
  const data = Object.values(columns).map((column) => column.data);
  const rows = data[0]?.length ?? 0;
  yield stringify([names]);
  for (let from = 0; from < rows; from += rowsAtOnce) {
    yield stringify(Array.from({ length: Math.min(rowsAtOnce, rows - from) }, (_, place) => data.map((column) => column[from + place] ?? null)));
  }
}
