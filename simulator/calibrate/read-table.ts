import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** Rows of a zipped CSV without quotes, by column name. */
export function readTable(file: string): Record<string, string>[] {
  const [head = "", ...lines] = gunzipSync(readFileSync(file)).toString("utf8").trim().split(/\r?\n/);
  const names = head.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(names.map((name, place) => [name, cells[place] ?? ""]));
  });
}
