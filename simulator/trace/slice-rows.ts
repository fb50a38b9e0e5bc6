import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import type { SessionScript } from "../core/workload/session-script.ts";
import type { TraceHeader, TraceSink } from "./trace-format.ts";
import type { TraceRow } from "./trace-row.ts";

/** What is kept. There is no cutting by row: it would tear sessions apart and change hit rates. */
export interface Slice {
  /** Microseconds since the first row. */
  readonly fromUs: number;
  readonly untilUs: number;
  /** By name, or a share of all, drawn by the seed; null: all. */
  readonly sessions: Selection | null;
  readonly tenants: Selection | null;
}
export type Selection =
  | { readonly kind: "names"; readonly names: ReadonlySet<string> }
  | { readonly kind: "share"; readonly share: number; readonly seed: number };

/** Passes on the rows of a slice; its instants begin at the slice's beginning. */
export class SliceRows implements TraceSink {
  readonly #slice: Slice;
  readonly #sink: TraceSink;
  #kept = 0;
  #withSession = 0;
  #withTenant = 0;
  #sessionScripts = 0;

  constructor(slice: Slice, sink: TraceSink) {
    this.#slice = slice;
    this.#sink = sink;
  }

  get kept(): number {
    return this.#kept;
  }

  /** Why nothing could be selected; null: it could. */
  get problem(): string | null {
    const { sessions, tenants, fromUs, untilUs } = this.#slice;
    if (this.#sessionScripts > 0 && (fromUs > 0 || untilUs !== Infinity)) return "sessions of a closed loop have no instants: cut them by session or tenant";
    if (sessions !== null && this.#withSession === 0) return "no row names a session";
    if (tenants !== null && this.#withTenant === 0) return "no row names a tenant";
    return this.#kept === 0 ? "nothing is left in the slice" : null;
  }

  begin(header: TraceHeader): void {
    this.#sink.begin?.({ ...header, originUs: header.originUs + this.#slice.fromUs });
  }

  row(row: TraceRow): void {
    if (row.session !== null) this.#withSession += 1;
    if (row.tenant !== null) this.#withTenant += 1;
    const { fromUs, untilUs, sessions, tenants } = this.#slice;
    if (row.atUs < fromUs || row.atUs >= untilUs || !selected(sessions, row.session) || !selected(tenants, row.tenant)) return;
    this.#kept += 1;
    this.#sink.row({ ...row, atUs: row.atUs - fromUs });
  }

  session(script: SessionScript): void {
    this.#sessionScripts += 1;
    this.#withSession += 1;
    if (script.tenant !== null) this.#withTenant += 1;
    if (!selected(this.#slice.sessions, script.id) || !selected(this.#slice.tenants, script.tenant)) return;
    this.#kept += 1;
    this.#sink.session(script);
  }
}

function selected(selection: Selection | null, name: string | null): boolean {
  if (selection === null) return true;
  if (name === null) return false;
  return selection.kind === "names" ? selection.names.has(name) : keyedUnit(selection.seed, purposeOf(name), 0, 0) < selection.share;
}
