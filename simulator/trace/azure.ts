import { nearestName } from "../../router/config/nearest.ts";
import type { LineFault, LineParser, TraceFormat } from "./trace-format.ts";
import type { TraceRow } from "./trace-row.ts";

/**
 * Azure LLM inference traces of 2023 (github.com/Azure/AzurePublicDataset): `TIMESTAMP,ContextTokens,GeneratedTokens`, timestamps without zone and with seven
 * fractional digits, cut here to whole microseconds after the subtraction of the first one. Rows of equal time keep the order of the file.
 */
export const azure: TraceFormat = {
  name: "azure",
  description: "Azure LLM inference trace 2023: TIMESTAMP,ContextTokens,GeneratedTokens",
  openLines: () => new AzureLines(),
};

const columns = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"] as const;
/** Far above any model, far below what a column of the table holds. */
const tokensMax = 100_000_000;
const ticksPerDay = 864_000_000_000;

class AzureLines implements LineParser {
  #headerRead = false;
  #origin: Timestamp | null = null;
  #lastTicks = 0;

  readLine(line: string): TraceRow | LineFault | null {
    if (!this.#headerRead) {
      this.#headerRead = true;
      return headerFault(line);
    }
    const cells = line.split(",");
    const [timestampText = "", inputText = "", outputText = ""] = cells;
    if (cells.length !== columns.length) {
      const column = cells.length < columns.length ? line.length + 1 : timestampText.length + inputText.length + outputText.length + 3;
      return { column, field: null, message: `has ${cells.length} columns instead of ${columns.length}`, fix: `write ${columns.join(",")}` };
    }
    const inputColumn = timestampText.length + 2;
    const inputTokens = tokensOf(inputText, inputColumn, columns[1], 1);
    if (typeof inputTokens !== "number") return inputTokens;
    const outputTokens = tokensOf(outputText, inputColumn + inputText.length + 1, columns[2], 1);
    if (typeof outputTokens !== "number") return outputTokens;
    return this.#rowAt(timestampText, inputTokens, outputTokens);
  }

  #rowAt(text: string, inputTokens: number, outputTokens: number): TraceRow | LineFault {
    const timestamp = timestampOf(text);
    if (timestamp === null) {
      return {
        column: 1,
        field: columns[0],
        message: `"${text.slice(0, 40)}" is not a timestamp`,
        fix: "write YYYY-MM-DD HH:MM:SS with up to 7 fractional digits",
      };
    }
    this.#origin ??= timestamp;
    const ticks = (timestamp.day - this.#origin.day) * ticksPerDay + (timestamp.ticks - this.#origin.ticks);
    if (ticks < this.#lastTicks) {
      return {
        column: 1,
        field: columns[0],
        message: `${text} is earlier than the row before`,
        fix: "sort the rows by TIMESTAMP, keeping the order of equal ones",
      };
    }
    this.#lastTicks = ticks;
    return { atUs: Math.floor(ticks / 10), inputTokens, outputTokens };
  }
}

function headerFault(line: string): LineFault | null {
  const found = line.split(",").map((name) => name.trim());
  let column = 1;
  for (const [index, expected] of columns.entries()) {
    const name = found[index] ?? "";
    if (name !== expected) {
      const meant = nearestName(name, columns);
      const hint = meant === expected ? ` (it looks like a misspelling)` : "";
      return {
        column,
        field: expected,
        message: `column ${index + 1} is "${name.slice(0, 40)}" instead of "${expected}"${hint}`,
        fix: `the first line must be ${columns.join(",")}`,
      };
    }
    column += (line.split(",")[index] ?? "").length + 1;
  }
  if (found.length === columns.length) return null;
  return { column, field: null, message: `has ${found.length} columns instead of ${columns.length}`, fix: `the first line must be ${columns.join(",")}` };
}

function tokensOf(text: string, column: number, field: string, least: number): number | LineFault {
  const fix = `give a whole number of tokens from ${least} to ${tokensMax}`;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) return { column, field, message: `"${text.slice(0, 40)}" is not a number of tokens`, fix };
  if (value < least || value > tokensMax) return { column, field, message: `${text} tokens are ${value < least ? "too few" : "too many"}`, fix };
  return value;
}

/** Days since 1970-01-01, and ticks of 100 ns within the day: together they would not fit a number exactly. */
interface Timestamp {
  readonly day: number;
  readonly ticks: number;
}

const form = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?$/;

function timestampOf(text: string): Timestamp | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [year, month, date, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  if (hour > 23 || minute > 59 || second > 59) return null;
  const midnight = Date.UTC(year, month - 1, date);
  const read = new Date(midnight);
  if (read.getUTCMonth() !== month - 1 || read.getUTCDate() !== date) return null;
  return { day: midnight / 86_400_000, ticks: ((hour * 60 + minute) * 60 + second) * 10_000_000 + Number((match[7] ?? "").padEnd(7, "0")) };
}
