import type { SessionScript } from "../../core/workload/session-script.ts";
import type { TraceFormat, TraceHeader, TraceSink } from "../trace-format.ts";
import { type ReadOptions, readTrace } from "../trace-reader.ts";
import { ArrivalCounts, type ArrivalFigures } from "./arrival-figures.ts";
import { CacheCurves, type CacheFigures } from "./cache-curves.ts";
import { ConversationCounts, type ConversationFigures } from "./conversation-figures.ts";
import { SessionCounts, type SessionFigures } from "./session-figures.ts";
import { TenantCounts, type TenantFigures } from "./tenant-figures.ts";
import { type Percentiles, ValueCounts } from "./value-counts.ts";
import type { TraceRow } from "../trace-row.ts";

/** Rows whose input is above so many tokens are counted. */
const thresholds = [32_000, 32_768, 50_000, 65_536, 100_000, 200_000] as const;

/** What is in a trace. Times in seconds, lengths in tokens; percentiles by both usual methods, exact unless a note says otherwise. */
export interface TraceFigures extends Partial<ArrivalFigures>, Partial<CacheFigures>, Partial<ConversationFigures> {
  readonly file: string;
  readonly format: string;
  readonly loop: "open" | "closed";
  /** ISO 8601; null where the source counts from a zero of its own. */
  readonly first_at: string | null;
  readonly input: Percentiles | null;
  readonly output: Percentiles | null;
  readonly over: Readonly<Record<string, number>>;
  /** Requests that produced nothing at the source. */
  readonly without_output: number;
  readonly tenants?: TenantFigures;
  readonly routes?: TenantFigures;
  readonly sessions?: SessionFigures;
  /** How many rows carry each feature. */
  readonly features?: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

/**
 * One pass over a trace; memory does not grow with the file.
 * @throws InputError as readTrace
 */
export async function inspectTrace(file: string, format: TraceFormat, options: ReadOptions): Promise<TraceFigures> {
  const inspector = new TraceInspector();
  const read = await readTrace(file, format, options, inspector);
  return { file, format: format.name, ...inspector.figures(read.originUs), notes: [...read.notes, ...inspector.notes()] };
}

export class TraceInspector implements TraceSink {
  #blockTokens = 16;
  readonly #input = new ValueCounts();
  readonly #output = new ValueCounts();
  readonly #over = thresholds.map(() => 0);
  readonly #arrivals = new ArrivalCounts();
  readonly #tenants = new TenantCounts();
  readonly #routes = new TenantCounts();
  readonly #sessions = new SessionCounts();
  readonly #features = new Map<string, number>();
  readonly #conversations = new ConversationCounts({ call: (input, output) => this.#tokens(input, output) });
  #caches: CacheCurves | null = null;
  #withoutOutput = 0;
  #rows = 0;

  begin({ blockTokens }: TraceHeader): void {
    this.#blockTokens = blockTokens ?? 16;
  }

  session(script: SessionScript): void {
    this.#conversations.add(script);
  }

  row(row: TraceRow): void {
    this.#rows += 1;
    this.#arrivals.add(row.atUs);
    this.#tokens(row.inputTokens, row.outputTokens);
    if (row.tenant !== null) this.#tenants.add(row.tenant);
    if (row.route !== null) this.#routes.add(row.route);
    if (row.session !== null) this.#sessions.add(row.session, row.atUs);
    if (row.features !== null) for (const name of Object.keys(row.features)) this.#features.set(name, (this.#features.get(name) ?? 0) + 1);
    if (row.blocks === null) return;
    this.#caches ??= new CacheCurves(this.#blockTokens);
    this.#caches.add(row.blocks, row.inputTokens);
  }

  figures(originUs: number): Omit<TraceFigures, "file" | "format" | "notes"> {
    const conversations = this.#conversations.figures();
    const tenants = this.#tenants.figures();
    const routes = this.#routes.figures();
    const sessions = this.#sessions.figures();
    return {
      loop: conversations === null ? "open" : "closed",
      // Before 1973 it is a zero of the source's own.
      first_at: originUs > 1e14 ? new Date(originUs / 1000).toISOString() : null,
      ...(this.#rows > 0 ? this.#arrivals.figures(originUs) : {}),
      ...conversations,
      input: this.#input.percentiles(),
      output: this.#output.percentiles(),
      over: Object.fromEntries(thresholds.map((tokens, place) => [String(tokens), this.#over[place] ?? 0])),
      without_output: this.#withoutOutput,
      ...(this.#caches === null ? {} : this.#caches.figures()),
      ...(tenants === null ? {} : { tenants }),
      ...(routes === null ? {} : { routes }),
      ...(sessions === null ? {} : { sessions }),
      ...(this.#features.size === 0 ? {} : { features: Object.fromEntries(this.#features) }),
    };
  }

  notes(): readonly string[] {
    const notes: string[] = [];
    if (!this.#input.exact || !this.#output.exact)
      notes.push("of token counts above a million there are more than a million different ones: percentiles are rounded to three digits");
    if (this.#caches?.exact === false)
      notes.push("there are more different block ids than are remembered: unique_blocks and the unbounded cache's hits are lower bounds");
    return notes;
  }

  #tokens(inputTokens: number, outputTokens: number): void {
    this.#input.add(inputTokens);
    this.#output.add(outputTokens);
    if (outputTokens === 0) this.#withoutOutput += 1;
    if (inputTokens <= thresholds[0]) return;
    for (const [place, tokens] of thresholds.entries()) if (inputTokens > tokens) this.#over[place] = (this.#over[place] ?? 0) + 1;
  }
}
