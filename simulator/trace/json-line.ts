import { nearestName } from "../../router/config/nearest.ts";
import { type Fields, isFields } from "../../router/core/fields.ts";
import { checkedTokens, numberOfText, tokensOfText } from "./cell.ts";
import { refuse } from "./trace-format.ts";

/** The fields of a line of JSON, with columns for what is wrong. */
export class JsonLine {
  readonly #line: string;
  readonly #value: Fields;

  /** @throws LineError */
  constructor(line: string, value?: Fields) {
    this.#line = line;
    this.#value = value ?? objectOf(line);
  }

  /** Undefined where it is absent or null. */
  value(name: string): unknown {
    return this.#value[name] ?? undefined;
  }

  names(): readonly string[] {
    return Object.keys(this.#value);
  }

  /** Where the field's value begins, as far as that can be told. */
  columnOf(name: string): number {
    const key = JSON.stringify(name);
    const place = this.#line.indexOf(key);
    if (place === -1) return 1;
    const after = this.#line.slice(place + key.length).search(/[^\s:]/);
    return place + key.length + Math.max(0, after) + 1;
  }

  tokens(name: string, least: number): number {
    const value = this.#present(name);
    if (typeof value === "number")
      return Number.isInteger(value) && value >= least && value <= 100_000_000 ? value : checkedTokens(value, this.columnOf(name), name, least);
    if (typeof value === "string") return tokensOfText(value, this.columnOf(name), name, least);
    return refuse(this.columnOf(name), name, `${shown(value)} is not a number of tokens`, "give a whole number of tokens");
  }

  /** Of at least 0. */
  number(name: string): number {
    const value = this.#present(name);
    if (typeof value === "number")
      return value >= 0 && Number.isFinite(value) ? value : refuse(this.columnOf(name), name, `${value} is negative`, "give a number of at least 0");
    if (typeof value === "string") return numberOfText(value, this.columnOf(name), name);
    return refuse(this.columnOf(name), name, `${shown(value)} is not a number`, "give a number");
  }

  optionalNumber(name: string): number | null {
    return this.value(name) === undefined ? null : this.number(name);
  }

  /** Of a string or a number; null where it is absent or empty. */
  text(name: string): string | null {
    const value = this.value(name);
    if (typeof value === "string") return value === "" ? null : value;
    return typeof value === "number" ? String(value) : null;
  }

  list(name: string): readonly unknown[] {
    const value = this.#present(name);
    return Array.isArray(value) ? (value as readonly unknown[]) : refuse(this.columnOf(name), name, `${shown(value)} is not a list`, "give a list");
  }

  /** Whole numbers of at least 0. */
  ids(name: string): readonly number[] {
    const list = this.list(name);
    for (const id of list) {
      if (typeof id !== "number" || !Number.isInteger(id) || id < 0)
        refuse(this.columnOf(name), name, `${shown(id)} is not a block id`, "give whole numbers of at least 0");
    }
    return list as readonly number[];
  }

  #present(name: string): unknown {
    const value = this.#value[name];
    if (value !== undefined && value !== null) return value;
    const near = nearestName(name, this.names());
    return refuse(1, name, value === null ? "is null" : `the field is missing${near === null ? "" : ` (there is "${near}")`}`, `give every line a "${name}"`);
  }
}

function objectOf(line: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    const text = error instanceof Error ? error.message : "";
    const place = /at position (\d+)/.exec(text)?.[1];
    const column = place === undefined ? line.length + 1 : Number(place) + 1;
    const bare = /[:[,]\s*(NaN|-?Infinity)/.exec(line)?.[1];
    if (bare !== undefined) return refuse(line.indexOf(bare) + 1, null, `${bare} is not JSON`, "write a number, or leave the line out");
    if (column > line.trimEnd().length)
      return refuse(
        line.length + 1,
        null,
        "the line ends in the middle of its JSON",
        "write one whole JSON object per line; compare the file's size with its source",
      );
    return refuse(
      column,
      null,
      `is not JSON from here: ${JSON.stringify(line.slice(column - 1, column + 19))}`,
      "write one JSON object per line (of a JSON array: jq -c '.[]')",
    );
  }
  if (isFields(value)) return value;
  return refuse(1, null, `${shown(value)} is not an object`, "write one JSON object per line (of a JSON array: jq -c '.[]')");
}

export const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 40);
