import { parquetWriteBuffer } from "hyparquet-writer";
import type { RequestColumns } from "./request-columns.ts";

export function requestsParquet(columns: RequestColumns): Uint8Array {
  const columnData = Object.entries(columns).map(([name, { type, data }]) => ({ name, type, data: [...data], nullable: true }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
