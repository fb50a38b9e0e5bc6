import { modalities, type RequestFeatures, tasks } from "../../core/workload/request-features.ts";
import { numberOfText, tokensOfText } from "../cell.ts";
import { csvCells } from "../csv-line.ts";
import { JsonLine, shown } from "../json-line.ts";
import { OrderedRows } from "../ordered-rows.ts";
import { type Timestamp, timestampOf, timestampOfMicros } from "../timestamp.ts";
import { type LineParser, type TimeUnit, type TraceSink, refuse } from "../trace-format.ts";
import { rowOf } from "../trace-row.ts";

export const fieldNames = [
  "at",
  "input",
  "output",
  "session",
  "tenant",
  "route",
  "blocks",
  "task",
  "complexity",
  "modality",
  "tools",
  "latency",
  "urgent",
  "batchable",
  "quality",
] as const;
export type FieldName = (typeof fieldNames)[number];

/** Which columns mean what. */
export interface ColumnPlan {
  /** Names of columns by our field, the most telling first. */
  readonly names: Readonly<Partial<Record<FieldName, readonly string[]>>>;
  /** Of numbers in the column of instants; null: told by the column's name or by the size of the first number. */
  readonly timeUnit: TimeUnit | null;
  /** Absent: the comma. Several: the one that the header has most of. */
  readonly delimiters?: readonly string[];
  /** How many rows may be out of order: logs are written when a request ends. 0: none. */
  readonly reorderRows: number;
  readonly blockTokens: number | null;
  /** Rows of this kind are left out and counted, with this reason. */
  readonly leftOut?: { readonly reason: string; readonly when: (row: { readonly inputTokens: number; readonly outputTokens: number }) => boolean };
}

interface Cell {
  readonly text: string | null;
  readonly column: number;
}
type Lookup = (field: FieldName) => Cell | null;

const keysMax = 1000;
const required: readonly FieldName[] = ["at", "input", "output"];
const microsPer: Readonly<Record<TimeUnit, number>> = { s: 1_000_000, ms: 1000, us: 1, ns: 0.001 };

/** Reads CSV with a header line, or JSON lines, by named columns. */
export class ColumnsParser implements LineParser {
  readonly #plan: ColumnPlan;
  readonly #rows: OrderedRows;
  /** Of CSV: place of each field's column; null before the header and for JSON lines. */
  #places: ReadonlyMap<FieldName, number> | null = null;
  #chosen = new Map<FieldName, string>();
  #header: readonly string[] = [];
  /** Of JSON lines: keys that were met. */
  readonly #keys = new Set<string>();
  #delimiter = ",";
  #json = false;
  #unit: TimeUnit | null;
  #assumed: string | null = null;
  #leftOut = 0;
  #line = 0;

  constructor(plan: ColumnPlan) {
    this.#plan = plan;
    this.#unit = plan.timeUnit;
    this.#rows = new OrderedRows(plan.reorderRows, () => this.#chosen.get("at") ?? "at");
  }

  get originUs(): number | null {
    return this.#rows.originUs;
  }

  get blockTokens(): number | null {
    return this.#chosen.has("blocks") ? this.#plan.blockTokens : null;
  }

  notes(): readonly string[] {
    const notes = this.#assumed === null ? [] : [this.#assumed];
    const columns = [...this.#chosen].map(([field, name]) => `${field}=${name}`).join(", ");
    notes.push(`columns: ${columns}`);
    if (this.#leftOut > 0) notes.push(`${this.#leftOut} rows left out: ${this.#plan.leftOut?.reason ?? ""}`);
    return notes;
  }

  readLine(line: string, sink: TraceSink): void {
    this.#line += 1;
    if (this.#header.length === 0) {
      // A list is none of ours, but it is JSON, and is told so.
      this.#json = /^\s*[{[]/.test(line);
      if (!this.#json) {
        this.#readHeader(line);
        return;
      }
    }
    const lookup = this.#json ? this.#jsonLookup(new JsonLine(line)) : this.#csvLookup(line);
    const inputTokens = tokensIn(lookup, "input", this.#chosen);
    const outputTokens = tokensIn(lookup, "output", this.#chosen);
    if (this.#plan.leftOut?.when({ inputTokens, outputTokens }) === true) {
      this.#leftOut += 1;
      return;
    }
    const at = present(lookup, "at", this.#chosen);
    const timestamp = this.#timestampOf(at.text, at.column);
    const text = (field: FieldName): string | null => filled(lookup(field))?.text ?? null;
    const blocks = blocksOf(lookup("blocks"), this.#chosen.get("blocks") ?? "blocks");
    const row = rowOf(0, inputTokens, outputTokens, {
      blocks,
      session: text("session"),
      tenant: text("tenant"),
      route: text("route"),
      features: featuresOf(lookup),
    });
    this.#rows.add(timestamp, row, { line: this.#line, column: at.column, shown: at.text }, sink);
  }

  end(sink: TraceSink): void {
    this.#rows.end(sink);
  }

  #readHeader(line: string): void {
    for (const candidate of this.#plan.delimiters ?? []) if (line.split(candidate).length > line.split(this.#delimiter).length) this.#delimiter = candidate;
    const { cells, columns } = csvCells(line, this.#delimiter);
    this.#header = cells.map((cell) => cell.trim());
    this.#choose(this.#header, columns);
    this.#places = new Map([...this.#chosen].map(([field, name]) => [field, this.#header.indexOf(name)]));
  }

  /** Of fields that have no column yet. */
  #choose(names: readonly string[], columns: readonly number[]): void {
    for (const field of fieldNames) {
      if (this.#chosen.has(field)) continue;
      const wanted = this.#plan.names[field] ?? [];
      const found = wanted.flatMap((name) => names.find((candidate) => isOneOf([name], candidate)) ?? []).at(0);
      if (found !== undefined) this.#chosen.set(field, found);
      else if (required.includes(field)) {
        refuse(
          columns.at(-1) ?? 1,
          wanted[0] ?? field,
          `there is no column for ${field} (found: ${names.slice(0, 12).join(", ").slice(0, 200)})`,
          `name it one of ${wanted.slice(0, 6).join(", ")}, or say which it is: --map ${field}=COLUMN`,
        );
      }
    }
    this.#unit ??= unitOfName(this.#chosen.get("at") ?? "");
  }

  #csvLookup(line: string): Lookup {
    const { cells, columns } = csvCells(line, this.#delimiter);
    if (cells.length !== this.#header.length) {
      const column = cells.length < this.#header.length ? line.length + 1 : (columns[this.#header.length] ?? 1);
      refuse(column, null, `has ${cells.length} columns instead of ${this.#header.length}`, "write one cell per column of the header");
    }
    return (field) => {
      const place = this.#places?.get(field);
      return place === undefined ? null : { text: cells[place]?.trim() ?? null, column: columns[place] ?? 1 };
    };
  }

  /** Which key means what is decided at the first line that has one: writers leave out what they do not know. */
  #jsonLookup(line: JsonLine): Lookup {
    const unseen = line.names().filter((name) => !this.#keys.has(name));
    if (this.#header.length === 0) this.#header = unseen;
    // Blocks are told of before the first row: those that come later are none.
    if (unseen.length > 0) this.#choose(this.#keys.size === 0 ? unseen : unseen.filter((name) => !isOneOf(this.#plan.names.blocks, name)), [1]);
    for (const name of unseen) if (this.#keys.size < keysMax) this.#keys.add(name);
    return (field) => {
      const name = this.#chosen.get(field);
      if (name === undefined) return null;
      const value = line.value(name);
      const text = value === undefined ? null : typeof value === "string" ? value : JSON.stringify(value);
      return { text, column: line.columnOf(name) };
    };
  }

  #timestampOf(text: string, column: number): Timestamp {
    const field = this.#chosen.get("at") ?? "at";
    const numeric = /^[+-]?[\d.]+(?:[eE][+-]?\d+)?$/.test(text);
    if (!numeric) {
      if (this.#unit !== null && this.#rows.count > 0 && this.#numbersSeen)
        refuse(column, field, `"${text.slice(0, 40)}" is not a number, as in the rows before`, "write every instant in one form");
      return (
        timestampOf(text) ??
        refuse(column, field, `"${text.slice(0, 40)}" is not an instant`, "write ISO 8601 (2026-01-31T12:00:00.5Z), or numbers of one unit")
      );
    }
    const value = numberOfText(text, column, field);
    if (!this.#numbersSeen && this.#rows.count > 0)
      refuse(column, field, `${text.slice(0, 40)} is a number, and the rows before have dates`, "write every instant in one form");
    this.#numbersSeen = true;
    this.#unit ??= this.#assumeUnit(value);
    return timestampOfMicros(value * microsPer[this.#unit]);
  }
  #numbersSeen = false;

  #assumeUnit(value: number): TimeUnit {
    const unit: TimeUnit = value > 1e17 ? "ns" : value > 1e14 ? "us" : value > 1e11 ? "ms" : "s";
    this.#assumed = `instants are taken for ${value > 1e8 ? "an epoch in " : ""}${unit}; --time-unit says otherwise`;
    return unit;
  }
}

const isOneOf = (known: readonly string[] | undefined, name: string): boolean => known?.some((one) => plain(one) === plain(name)) === true;
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

function unitOfName(name: string): TimeUnit | null {
  const suffix =
    /(?:_|\b)(s|sec|secs|seconds|ms|millis|us|micros|ns|nanos)$/i.exec(name.replace(/([a-z])(Ms|Us|Ns|UnixNano|Nanos)$/, "$1_$2"))?.[1]?.toLowerCase() ?? "";
  if (/nano$/i.test(name) || suffix.startsWith("n")) return "ns";
  if (suffix.startsWith("m")) return suffix === "micros" ? "us" : "ms";
  return suffix.startsWith("u") ? "us" : suffix === "" ? null : "s";
}

function present(lookup: Lookup, field: FieldName, chosen: ReadonlyMap<FieldName, string>): { readonly text: string; readonly column: number } {
  const cell = lookup(field);
  if (cell === null || cell.text === null || cell.text === "")
    return refuse(cell?.column ?? 1, chosen.get(field) ?? field, "is empty", "give every row a value, or leave the row out");
  return { text: cell.text, column: cell.column };
}

function tokensIn(lookup: Lookup, field: "input" | "output", chosen: ReadonlyMap<FieldName, string>): number {
  const { text, column } = present(lookup, field, chosen);
  return tokensOfText(text, column, chosen.get(field) ?? field, 0);
}

function blocksOf(cell: Cell | null, field: string): readonly number[] | null {
  if (cell === null || cell.text === null || cell.text === "") return null;
  const parts = /^\[.*\]$/.test(cell.text) ? cell.text.slice(1, -1).split(",") : cell.text.split(/[\s;|]+/);
  const ids = parts.filter((part) => part.trim() !== "").map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : NaN));
  if (ids.some((id) => Number.isNaN(id)))
    refuse(cell.column, field, `${shown(cell.text)} is not a list of block ids`, "give whole numbers, as [1,2,3] or 1 2 3");
  return ids;
}

function featuresOf(lookup: Lookup): Partial<RequestFeatures> | null {
  const features: { -readonly [Name in keyof RequestFeatures]?: RequestFeatures[Name] } = {};
  const choice = <Value extends string>(field: FieldName, known: readonly Value[]): Value | undefined => {
    const cell = filled(lookup(field));
    if (cell === null) return undefined;
    return (
      known.find((value) => value === cell.text) ??
      refuse(cell.column, field, `"${cell.text.slice(0, 40)}" is not one of ${known.join(", ")}`, `write one of ${known.join(", ")}`)
    );
  };
  const unit = (field: FieldName): number | undefined => {
    const cell = filled(lookup(field));
    if (cell === null) return undefined;
    const value = numberOfText(cell.text, cell.column, field);
    return value <= 1 ? value : refuse(cell.column, field, `${value} is above 1`, "give a number from 0 to 1");
  };
  const flag = (field: FieldName): boolean | undefined => {
    const text = choice(field, ["true", "false", "1", "0"]);
    return text === undefined ? undefined : text === "true" || text === "1";
  };
  const latency = filled(lookup("latency"));
  const found = {
    task: choice("task", tasks),
    modality: choice("modality", modalities),
    complexity: unit("complexity"),
    qualityFloor: unit("quality"),
    tools: flag("tools"),
    urgent: flag("urgent"),
    batchable: flag("batchable"),
    latencyMs: latency === null ? undefined : numberOfText(latency.text, latency.column, "latency"),
  };
  for (const [name, value] of Object.entries(found)) if (value !== undefined) Object.assign(features, { [name]: value });
  return Object.keys(features).length === 0 ? null : features;
}

const filled = (cell: Cell | null): { readonly text: string; readonly column: number } | null =>
  cell === null || cell.text === null || cell.text === "" ? null : { text: cell.text, column: cell.column };
