import type { RequestRecord, RequestResult } from "./request-record.ts";

export const requestResults: readonly RequestResult[] = ["served", "cut", "client-left", "failed", "rejected"];

/** Columns by name; NaN and -1 stand for null. */
export interface RecordColumns {
  readonly result: Uint8Array;
  readonly priced: Uint8Array;
  readonly batch: Uint8Array;
  readonly route: Int32Array;
  readonly deployment: Int32Array;
  readonly reason: Int32Array;
  readonly tenant: Int32Array;
  readonly cachedTokens: Int32Array;
  readonly started: Float64Array;
  readonly inputTokens: Int32Array;
  readonly outputTokens: Int32Array;
  readonly attempts: Int32Array;
  readonly version: Float64Array;
  readonly scheduled: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly end: Float64Array;
  readonly nanoDollars: Float64Array;
}

/** The records of a run in growing columns: 95 bytes a request. */
export class RecordTable {
  readonly #reasonIds = new Map<string, number>();
  #columns = columnsOf(1024);
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }
  get columns(): RecordColumns {
    return this.#columns;
  }
  /** By the column `reason`. There are as many as failure kinds and reject reasons. */
  get reasons(): readonly string[] {
    return [...this.#reasonIds.keys()];
  }

  add(record: RequestRecord): void {
    if (this.#rows === this.#columns.result.length) this.#columns = grown(this.#columns);
    const columns = this.#columns;
    const row = this.#rows;
    this.#rows += 1;
    columns.result[row] = requestResults.indexOf(record.result);
    columns.priced[row] = record.priced ? 1 : 0;
    columns.batch[row] = record.batch === true ? 1 : 0;
    columns.route[row] = record.route;
    columns.deployment[row] = record.deployment ?? -1;
    columns.reason[row] = record.why === null ? -1 : this.#reasonId(record.why);
    columns.tenant[row] = record.tenant;
    columns.cachedTokens[row] = record.cachedTokens;
    columns.started[row] = record.started ?? NaN;
    columns.inputTokens[row] = record.inputTokens;
    columns.outputTokens[row] = record.outputTokens;
    columns.attempts[row] = record.attempts;
    columns.version[row] = record.version ?? -1;
    columns.scheduled[row] = record.scheduled;
    columns.first[row] = record.first ?? NaN;
    columns.last[row] = record.last ?? NaN;
    columns.end[row] = record.end;
    columns.nanoDollars[row] = record.nanoDollars;
  }

  /** Lets go of the rows that ended up to then; the others move up. */
  forget(settled: number): void {
    const columns = this.#columns;
    let kept = 0;
    for (let row = 0; row < this.#rows; row += 1) {
      if ((columns.end[row] ?? 0) <= settled) continue;
      for (const column of Object.values(columns)) column[kept] = column[row] ?? 0;
      kept += 1;
    }
    this.#rows = kept;
  }

  #reasonId(why: string): number {
    const known = this.#reasonIds.get(why);
    if (known !== undefined) return known;
    this.#reasonIds.set(why, this.#reasonIds.size);
    return this.#reasonIds.size - 1;
  }
}

function columnsOf(size: number): RecordColumns {
  return {
    result: new Uint8Array(size),
    priced: new Uint8Array(size),
    batch: new Uint8Array(size),
    route: new Int32Array(size),
    deployment: new Int32Array(size),
    reason: new Int32Array(size),
    tenant: new Int32Array(size),
    cachedTokens: new Int32Array(size),
    started: new Float64Array(size),
    inputTokens: new Int32Array(size),
    outputTokens: new Int32Array(size),
    attempts: new Int32Array(size),
    version: new Float64Array(size),
    scheduled: new Float64Array(size),
    first: new Float64Array(size),
    last: new Float64Array(size),
    end: new Float64Array(size),
    nanoDollars: new Float64Array(size),
  };
}

function grown(old: RecordColumns): RecordColumns {
  const next = columnsOf(old.result.length * 2);
  next.result.set(old.result);
  next.priced.set(old.priced);
  next.batch.set(old.batch);
  next.route.set(old.route);
  next.deployment.set(old.deployment);
  next.reason.set(old.reason);
  next.tenant.set(old.tenant);
  next.cachedTokens.set(old.cachedTokens);
  next.started.set(old.started);
  next.inputTokens.set(old.inputTokens);
  next.outputTokens.set(old.outputTokens);
  next.attempts.set(old.attempts);
  next.version.set(old.version);
  next.scheduled.set(old.scheduled);
  next.first.set(old.first);
  next.last.set(old.last);
  next.end.set(old.end);
  next.nanoDollars.set(old.nanoDollars);
  return next;
}
