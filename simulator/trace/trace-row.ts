/** One request of a trace, in the trace's own time. */
export interface TraceRow {
  /** Whole microseconds since the first row. */
  readonly atUs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** All rows of a trace in columns: 16 bytes a row, so that ten million of them fit anywhere. */
export interface TraceTable {
  readonly rows: number;
  readonly atUs: Float64Array;
  readonly inputTokens: Int32Array;
  readonly outputTokens: Int32Array;
}

/** Collects rows into columns that double when full. */
export class TraceTableBuilder {
  #rows = 0;
  #atUs = new Float64Array(1024);
  #inputTokens = new Int32Array(1024);
  #outputTokens = new Int32Array(1024);

  get rows(): number {
    return this.#rows;
  }

  add(row: TraceRow): void {
    if (this.#rows === this.#atUs.length) this.#grow();
    this.#atUs[this.#rows] = row.atUs;
    this.#inputTokens[this.#rows] = row.inputTokens;
    this.#outputTokens[this.#rows] = row.outputTokens;
    this.#rows += 1;
  }

  build(): TraceTable {
    const rows = this.#rows;
    return { rows, atUs: this.#atUs.subarray(0, rows), inputTokens: this.#inputTokens.subarray(0, rows), outputTokens: this.#outputTokens.subarray(0, rows) };
  }

  #grow(): void {
    const size = this.#atUs.length * 2;
    const atUs = new Float64Array(size);
    const inputTokens = new Int32Array(size);
    const outputTokens = new Int32Array(size);
    atUs.set(this.#atUs);
    inputTokens.set(this.#inputTokens);
    outputTokens.set(this.#outputTokens);
    this.#atUs = atUs;
    this.#inputTokens = inputTokens;
    this.#outputTokens = outputTokens;
  }
}
