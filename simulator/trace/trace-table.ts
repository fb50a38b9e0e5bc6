import { owned } from "./owned-text.ts";
import type { RequestFeatures } from "../core/workload/request-features.ts";
import type { TraceRow } from "./trace-row.ts";

/** All rows of a trace in columns: 16 bytes a row and what else the source knows. */
export interface TraceTable {
  readonly rows: number;
  /** Whole microseconds since the first row. */
  readonly atUs: Float64Array;
  readonly inputTokens: Int32Array;
  readonly outputTokens: Int32Array;
  readonly blocks: BlockColumn | null;
  readonly sessions: NameColumn | null;
  readonly tenants: NameColumn | null;
  readonly routes: NameColumn | null;
  readonly features: readonly (Partial<RequestFeatures> | null)[] | null;
}

/** The blocks of row r are `ids[start[r]]` up to `ids[start[r + 1]]`. */
export interface BlockColumn {
  readonly start: Float64Array;
  readonly ids: Int32Array;
}

/** Place in `names` by row; -1: none. */
export interface NameColumn {
  readonly place: Int32Array;
  readonly names: readonly string[];
}

export const blocksOfRow = (table: TraceTable, row: number): Int32Array | null =>
  table.blocks === null ? null : table.blocks.ids.subarray(table.blocks.start[row], table.blocks.start[row + 1]);

export function nameOfRow(column: NameColumn | null, row: number): string | null {
  return column?.names[column.place[row] ?? -1] ?? null;
}

/** Collects rows into columns that double when full; a column that no row has is not kept. */
export class TraceTableBuilder {
  #rows = 0;
  #atUs = new Float64Array(1024);
  #inputTokens = new Int32Array(1024);
  #outputTokens = new Int32Array(1024);
  readonly #sessions = new NameColumnBuilder();
  readonly #tenants = new NameColumnBuilder();
  readonly #routes = new NameColumnBuilder();
  readonly #blocks = new BlockColumnBuilder();
  #features: (Partial<RequestFeatures> | null)[] | null = null;

  get rows(): number {
    return this.#rows;
  }

  add(row: TraceRow): void {
    const place = this.#rows;
    if (place === this.#atUs.length) {
      this.#atUs = grown(this.#atUs, new Float64Array(place * 2));
      this.#inputTokens = grown(this.#inputTokens, new Int32Array(place * 2));
      this.#outputTokens = grown(this.#outputTokens, new Int32Array(place * 2));
    }
    this.#atUs[place] = Math.floor(row.atUs);
    this.#inputTokens[place] = row.inputTokens;
    this.#outputTokens[place] = row.outputTokens;
    this.#sessions.set(place, row.session);
    this.#tenants.set(place, row.tenant);
    this.#routes.set(place, row.route);
    this.#blocks.set(place, row.blocks);
    if (row.features !== null && this.#features === null) this.#features = Array.from({ length: place }, () => null);
    this.#features?.push(row.features);
    this.#rows += 1;
  }

  build(): TraceTable {
    const rows = this.#rows;
    return {
      rows,
      atUs: this.#atUs.subarray(0, rows),
      inputTokens: this.#inputTokens.subarray(0, rows),
      outputTokens: this.#outputTokens.subarray(0, rows),
      blocks: this.#blocks.build(rows),
      sessions: this.#sessions.build(rows),
      tenants: this.#tenants.build(rows),
      routes: this.#routes.build(rows),
      features: this.#features,
    };
  }
}

class NameColumnBuilder {
  #place: Int32Array | null = null;
  readonly #names: string[] = [];
  readonly #placeOf = new Map<string, number>();

  set(row: number, name: string | null): void {
    if (name === null && this.#place === null) return;
    this.#place ??= new Int32Array(Math.max(1024, row + 1)).fill(-1);
    if (row >= this.#place.length) this.#place = grown(this.#place, new Int32Array(row * 2).fill(-1));
    if (name === null) return;
    let place = this.#placeOf.get(name);
    if (place === undefined) {
      place = this.#names.length;
      const own = owned(name);
      this.#names.push(own);
      this.#placeOf.set(own, place);
    }
    this.#place[row] = place;
  }

  build(rows: number): NameColumn | null {
    if (this.#place === null) return null;
    const place = new Int32Array(rows).fill(-1);
    place.set(this.#place.subarray(0, Math.min(rows, this.#place.length)));
    return { place, names: this.#names };
  }
}

/** Ids beyond 31 bits get numbers of their own from the top of the range down, in the order in which they are met. */
class BlockColumnBuilder {
  #start = new Float64Array(1024);
  #ids: Int32Array | null = null;
  #used = 0;
  #rows = 0;
  readonly #wide = new Map<number, number>();

  set(row: number, blocks: readonly number[] | null): void {
    if (blocks !== null) this.#ids ??= new Int32Array(1024);
    if (this.#ids === null) return;
    if (row + 2 > this.#start.length) this.#start = grown(this.#start, new Float64Array((row + 2) * 2));
    // Rows before the first one with blocks begin and end at 0, as the column was made.
    this.#start[row] = this.#used;
    const length = blocks?.length ?? 0;
    if (this.#used + length > this.#ids.length) this.#ids = grown(this.#ids, new Int32Array(Math.max(this.#ids.length * 2, this.#used + length)));
    for (let index = 0; index < length; index += 1) this.#ids[this.#used + index] = this.#narrow(blocks?.[index] ?? 0);
    this.#used += length;
    this.#start[row + 1] = this.#used;
    this.#rows = row + 1;
  }

  build(rows: number): BlockColumn | null {
    if (this.#ids === null || this.#rows < rows) return null;
    return { start: this.#start.subarray(0, rows + 1), ids: this.#ids.subarray(0, this.#used) };
  }

  #narrow(id: number): number {
    if (id < 0x40000000) return id;
    let number = this.#wide.get(id);
    if (number === undefined) {
      number = 0x7fffffff - this.#wide.size;
      this.#wide.set(id, number);
    }
    return number;
  }
}

function grown<Column extends Float64Array | Int32Array>(old: Column, larger: Column): Column {
  larger.set(old);
  return larger;
}
