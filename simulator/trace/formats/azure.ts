import { nearestName } from "../../../router/config/nearest.ts";
import { tokensOfText } from "../cell.ts";
import { RowClock } from "../row-clock.ts";
import { timestampOf } from "../timestamp.ts";
import { type LineParser, type TraceFormat, type TraceSink, refuse } from "../trace-format.ts";
import { rowOf } from "../trace-row.ts";

/**
 * Azure LLM inference traces (github.com/Azure/AzurePublicDataset): `TIMESTAMP,ContextTokens,GeneratedTokens`. Timestamps of 2023 have no zone and seven fractional
 * digits; those of 2024 have six or none, and `+00:00`. Rows of equal time keep the order of the file.
 */
export const azure: TraceFormat = {
  name: "azure",
  description: "Azure LLM inference trace 2023 or 2024: TIMESTAMP,ContextTokens,GeneratedTokens",
  detect: (firstLine) => /^TIMESTAMP,\s*ContextTokens,\s*GeneratedTokens\s*$/.test(firstLine),
  openLines: () => new AzureLines(),
};

const columns = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"] as const;

class AzureLines implements LineParser {
  readonly blockTokens = null;
  readonly #clock = new RowClock(columns[0]);
  #headerRead = false;

  get originUs(): number | null {
    return this.#clock.originUs;
  }

  readLine(line: string, sink: TraceSink): void {
    if (!this.#headerRead) {
      this.#headerRead = true;
      checkHeader(line);
      return;
    }
    const cells = line.split(",");
    const [timestampText = "", inputText = "", outputText = ""] = cells;
    if (cells.length !== columns.length) {
      const column = cells.length < columns.length ? line.length + 1 : timestampText.length + inputText.length + outputText.length + 3;
      refuse(column, null, `has ${cells.length} columns instead of ${columns.length}`, `write ${columns.join(",")}`);
    }
    const inputColumn = timestampText.length + 2;
    const inputTokens = tokensOfText(inputText, inputColumn, columns[1], 1);
    const outputTokens = tokensOfText(outputText, inputColumn + inputText.length + 1, columns[2], 0);
    const timestamp = timestampOf(timestampText);
    if (timestamp === null)
      refuse(1, columns[0], `"${timestampText.slice(0, 40)}" is not a timestamp`, "write YYYY-MM-DD HH:MM:SS with up to 7 fractional digits");
    sink.row(rowOf(this.#clock.at(timestamp, 1, timestampText), inputTokens, outputTokens));
  }
}

function checkHeader(line: string): void {
  const found = line.split(",").map((name) => name.trim());
  let column = 1;
  for (const [index, expected] of columns.entries()) {
    const name = found[index] ?? "";
    if (name !== expected) {
      const meant = nearestName(name, columns);
      const hint = meant === expected ? ` (it looks like a misspelling)` : "";
      refuse(column, expected, `column ${index + 1} is "${name.slice(0, 40)}" instead of "${expected}"${hint}`, `the first line must be ${columns.join(",")}`);
    }
    column += (line.split(",")[index] ?? "").length + 1;
  }
  if (found.length !== columns.length)
    refuse(column, null, `has ${found.length} columns instead of ${columns.length}`, `the first line must be ${columns.join(",")}`);
}
