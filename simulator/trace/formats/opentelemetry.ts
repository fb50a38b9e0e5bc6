import { OrderedRows } from "../ordered-rows.ts";
import { JsonLine, shown } from "../json-line.ts";
import { checkedTokens, numberOfText } from "../cell.ts";
import { timestampOf, timestampOfMicros, type Timestamp } from "../timestamp.ts";
import { type LineParser, type TraceFormat, type TraceSink, refuse } from "../trace-format.ts";
import { rowOf } from "../trace-row.ts";
import { logReorderRows } from "./litellm.ts";

/**
 * OpenTelemetry spans under the GenAI conventions, as the file exporter writes them (OTLP/JSON, a `resourceSpans` per line), or one span per line with its attributes as an
 * object. A span counts when it has `gen_ai.usage.input_tokens` and `.output_tokens` (or their older names `prompt_tokens`, `completion_tokens`); all others are left out.
 */
export const openTelemetry: TraceFormat = {
  name: "opentelemetry",
  description: "OpenTelemetry spans, OTLP/JSON lines, GenAI conventions: gen_ai.usage.input_tokens, gen_ai.usage.output_tokens, gen_ai.conversation.id",
  detect: (firstLine) => firstLine.startsWith("{") && (firstLine.includes('"resourceSpans"') || firstLine.includes('"gen_ai.')),
  openLines: () => new SpanLines(),
  lineMax: 1 << 26,
};

type Attributes = ReadonlyMap<string, string | number | boolean>;
const inputNames = ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"] as const;
const outputNames = ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"] as const;
const sessionNames = ["gen_ai.conversation.id", "session.id"] as const;
const tenantNames = ["tenant.id", "enduser.id", "user.id"] as const;
const routeNames = ["gen_ai.request.model", "gen_ai.response.model"] as const;

class SpanLines implements LineParser {
  readonly blockTokens = null;
  readonly #rows = new OrderedRows(logReorderRows, () => "startTimeUnixNano");
  #others = 0;
  #line = 0;

  get originUs(): number | null {
    return this.#rows.originUs;
  }

  notes(): readonly string[] {
    return this.#others === 0 ? [] : [`${this.#others} spans without token usage left out`];
  }

  readLine(text: string, sink: TraceSink): void {
    this.#line += 1;
    const line = new JsonLine(text);
    if (line.value("resourceSpans") === undefined) {
      this.#take(line, sink);
      return;
    }
    for (const resource of objectsIn(line.list("resourceSpans"), text)) {
      for (const scope of objectsIn(listIn(resource.value("scopeSpans")), text)) {
        for (const span of objectsIn(listIn(scope.value("spans")), text)) this.#take(span, sink);
      }
    }
  }

  end(sink: TraceSink): void {
    this.#rows.end(sink);
  }

  #take(span: JsonLine, sink: TraceSink): void {
    const attributes = attributesOf(span);
    const [input, output] = [first(attributes, inputNames), first(attributes, outputNames)];
    if (input === null && output === null) {
      this.#others += 1;
      return;
    }
    const inputTokens = tokensOf(span, inputNames[0], input);
    const outputTokens = tokensOf(span, outputNames[0], output);
    const { timestamp, field, at } = startOf(span);
    const text = (names: readonly string[]): string | null => first(attributes, names)?.toString() ?? null;
    this.#rows.add(
      timestamp,
      rowOf(0, inputTokens, outputTokens, { session: text(sessionNames), tenant: text(tenantNames), route: text(routeNames) }),
      { line: this.#line, column: span.columnOf(field), shown: at },
      sink,
    );
  }
}

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);

function objectsIn(list: readonly unknown[], text: string): readonly JsonLine[] {
  return list.map((value) =>
    typeof value === "object" && value !== null
      ? new JsonLine(text, value as Readonly<Record<string, unknown>>)
      : refuse(1, "resourceSpans", `${shown(value)} is not an object`, "export OTLP/JSON"),
  );
}

function attributesOf(span: JsonLine): Attributes {
  const value = span.value("attributes");
  const attributes = new Map<string, string | number | boolean>();
  if (Array.isArray(value)) {
    for (const entry of value as readonly { readonly key?: unknown; readonly value?: unknown }[]) {
      const plainValue = typeof entry.value === "object" && entry.value !== null ? (Object.values(entry.value) as readonly unknown[])[0] : entry.value;
      if (typeof entry.key === "string") put(attributes, entry.key, plainValue);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, plainValue] of Object.entries(value)) put(attributes, key, plainValue);
  } else {
    for (const name of span.names()) put(attributes, name, span.value(name));
  }
  return attributes;
}

function put(attributes: Map<string, string | number | boolean>, key: string, value: unknown): void {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") attributes.set(key, value);
}

function first(attributes: Attributes, names: readonly string[]): string | number | boolean | null {
  for (const name of names) {
    const value = attributes.get(name);
    if (value !== undefined && value !== "") return value;
  }
  return null;
}

/** OTLP/JSON writes 64-bit numbers as text. */
function tokensOf(span: JsonLine, name: string, value: string | number | boolean | null): number {
  const column = span.columnOf(name);
  if (value === null) return refuse(column, name, "is missing", "export spans with both token counts");
  const number = typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number") return refuse(column, name, `${shown(value)} is not a number of tokens`, "give a whole number of tokens");
  return checkedTokens(number, column, name, 0);
}

function startOf(span: JsonLine): { readonly timestamp: Timestamp; readonly field: string; readonly at: string } {
  const field =
    ["startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time", "timestamp"].find((name) => span.value(name) !== undefined) ?? "startTimeUnixNano";
  const at = span.text(field);
  if (at === null) return refuse(span.columnOf(field), field, "is missing", "export spans with their start");
  const nanos = /^\d{16,20}$/.exec(at);
  if (nanos !== null) return { timestamp: timestampOfNanos(at), field, at };
  if (field.toLowerCase().includes("nano"))
    refuse(span.columnOf(field), field, `${at.slice(0, 40)} is not nanoseconds since 1970`, "export OTLP, whose instants have 19 digits");
  const timestamp = timestampOf(at);
  if (timestamp !== null) return { timestamp, field, at };
  return { timestamp: timestampOfMicros(numberOfText(at, span.columnOf(field), field) * 1_000_000), field, at };
}

/** Nanoseconds since 1970 do not fit a number exactly. */
function timestampOfNanos(text: string): Timestamp {
  const ticks = BigInt(text) / 100n;
  return { day: Number(ticks / 864_000_000_000n), ticks: Number(ticks % 864_000_000_000n) };
}
