import { z } from "zod";
import type { SessionCall, SessionStep } from "../../core/workload/session-script.ts";
import { modalities, type RequestFeatures, tasks } from "../../core/workload/request-features.ts";
import { JsonLine, shown } from "../json-line.ts";
import { RowClock } from "../row-clock.ts";
import { timestampOfMicros } from "../timestamp.ts";
import { type LineParser, type TraceFormat, type TraceSink, refuse } from "../trace-format.ts";
import { rowOf } from "../trace-row.ts";
import { runsOf } from "./agentic.ts";

/**
 * Our own form, which imports and captures are written in: a line that says so, then a line of JSON per request with short names: `t` microseconds since the first, `i` and
 * `o` tokens, `b` blocks as runs [first, number, ...], `s` session, `c` tenant, `r` route, `f` features; or per session of a closed loop: `s`, `c`, `r`, `steps`, where a call
 * has `w` (microseconds to think), `i`, `o`, `b`, and sub-agents are a list of such lists.
 */
export const headgateTrace: TraceFormat = {
  name: "headgate",
  description: 'Headgate\'s own: {"headgate":"trace","version":1,...}, then {"t","i","o","b","s","c","r","f"} per request or {"s","steps"} per session',
  detect: (firstLine) => firstLine.startsWith('{"headgate":"trace"'),
  openLines: () => new HeadgateLines(),
  lineMax: 1 << 26,
};

const headgateTraceVersion = 1;

class HeadgateLines implements LineParser {
  #headerRead = false;
  #blockTokens: number | null = null;
  #originUs = 0;
  readonly #clock = new RowClock("t");

  get originUs(): number {
    return this.#originUs + (this.#clock.originUs ?? 0);
  }

  get blockTokens(): number | null {
    return this.#blockTokens;
  }

  readLine(text: string, sink: TraceSink): void {
    const line = new JsonLine(text);
    if (!this.#headerRead) {
      this.#readHeader(line);
      return;
    }
    const more = { session: line.text("s"), tenant: line.text("c"), route: line.text("r") };
    const steps = line.value("steps");
    if (steps !== undefined) {
      const id = more.session ?? refuse(line.columnOf("s"), "s", "is missing", "give every session a name");
      sink.session({ id, tenant: more.tenant, route: more.route, blockTokens: this.#blockTokens ?? 1, steps: stepsOf(text, steps, "steps", 0) });
      return;
    }
    const t = line.number("t");
    const inputTokens = line.tokens("i", 0);
    const outputTokens = line.tokens("o", 0);
    const blocks = line.value("b") === undefined ? null : idsOfRuns(runsIn(line, inputTokens));
    const atUs = this.#clock.at(timestampOfMicros(t), line.columnOf("t"), String(t));
    sink.row(rowOf(atUs, inputTokens, outputTokens, { ...more, blocks, features: featuresIn(line) }));
  }

  #readHeader(line: JsonLine): void {
    this.#headerRead = true;
    if (line.value("headgate") !== "trace")
      refuse(1, "headgate", "the first line does not say that this is a trace of ours", '{"headgate":"trace","version":1}');
    if (line.value("version") !== headgateTraceVersion)
      refuse(line.columnOf("version"), "version", `${shown(line.value("version"))} is not version ${headgateTraceVersion}`, "import the source again");
    this.#blockTokens = line.value("blockTokens") === undefined ? null : line.tokens("blockTokens", 1);
    this.#originUs = line.optionalNumber("originUs") ?? 0;
  }
}

/** Runs whose ids are not more than the prompt could have: a run can say a billion in a few bytes. */
function runsIn(line: JsonLine, inputTokens: number): readonly number[] {
  const runs = line.ids("b");
  let blocks = 0;
  for (let index = 1; index < runs.length; index += 2) blocks += runs[index] ?? 0;
  if (runs.length % 2 !== 0 || blocks > inputTokens)
    refuse(line.columnOf("b"), "b", `${shown(runs)} is not a list of runs within ${inputTokens} tokens`, "give [first, number, ...]");
  return runs;
}

function idsOfRuns(runs: readonly number[]): number[] {
  const ids: number[] = [];
  for (let index = 0; index < runs.length; index += 2) {
    const first = runs[index] ?? 0;
    const count = runs[index + 1] ?? 0;
    for (let id = first; id < first + count; id += 1) ids.push(id);
  }
  return ids;
}

function stepsOf(text: string, value: unknown, field: string, depth: number): readonly SessionStep[] {
  if (!Array.isArray(value) || value.length === 0 || depth > 8) return refuse(1, field, "is not a list of steps", "give calls and lists of sub-agents");
  return (value as readonly unknown[]).map((step, place): SessionStep => {
    const name = `${field}[${place}]`;
    if (Array.isArray(step))
      return { kind: "sub-agents", agents: (step as readonly unknown[]).map((agent, index) => stepsOf(text, agent, `${name}[${index}]`, depth + 1)) };
    if (typeof step !== "object" || step === null) return refuse(1, name, `${shown(step)} is not a step`, "give calls and lists of sub-agents");
    const line = new JsonLine(text, step as Readonly<Record<string, unknown>>);
    const inputTokens = line.tokens("i", 0);
    return {
      kind: "call",
      thinkUs: line.number("w"),
      inputTokens,
      outputTokens: line.tokens("o", 0),
      blockRuns: line.value("b") === undefined ? [] : runsIn(line, inputTokens),
      apiSeconds: line.optionalNumber("a"),
      ttftSeconds: line.optionalNumber("f"),
    };
  });
}

const featureSchema = z
  .strictObject({
    task: z.enum(tasks),
    complexity: z.number().min(0).max(1),
    modality: z.enum(modalities),
    tools: z.boolean(),
    latencyMs: z.number().min(0),
    urgent: z.boolean(),
    batchable: z.boolean(),
    qualityFloor: z.number().min(0).max(1),
  })
  .partial();

function featuresIn(line: JsonLine): Partial<RequestFeatures> | null {
  const value = line.value("f");
  if (value === undefined) return null;
  const checked = featureSchema.safeParse(value);
  if (checked.success) return checked.data as Partial<RequestFeatures>;
  const [issue] = checked.error.issues;
  const field = ["f", ...(issue?.path ?? []).map(String)].join(".");
  return refuse(
    line.columnOf("f"),
    field,
    `${shown(value)} are no features: ${issue?.message ?? ""}`,
    `give features by name: ${Object.keys(featureSchema.shape).join(", ")}`,
  );
}

export function headerLine(originUs: number, blockTokens: number | null, source: string): string {
  return JSON.stringify({ headgate: "trace", version: headgateTraceVersion, originUs, ...(blockTokens === null ? {} : { blockTokens }), source });
}

export function rowLine(row: Parameters<TraceSink["row"]>[0]): string {
  const { atUs, inputTokens, outputTokens, blocks, session, tenant, route, features } = row;
  return JSON.stringify({
    t: atUs,
    i: inputTokens,
    o: outputTokens,
    b: blocks === null ? undefined : runsOf(blocks),
    s: session ?? undefined,
    c: tenant ?? undefined,
    r: route ?? undefined,
    f: features ?? undefined,
  });
}

export function sessionLine(script: Parameters<TraceSink["session"]>[0]): string {
  return JSON.stringify({ s: script.id, c: script.tenant ?? undefined, r: script.route ?? undefined, steps: script.steps.map(stepValue) });
}

function stepValue(step: SessionStep): unknown {
  if (step.kind === "sub-agents") return step.agents.map((agent) => agent.map(stepValue));
  const { thinkUs, inputTokens, outputTokens, blockRuns, apiSeconds, ttftSeconds }: SessionCall = step;
  return {
    w: thinkUs,
    i: inputTokens,
    o: outputTokens,
    b: blockRuns.length === 0 ? undefined : blockRuns,
    a: apiSeconds ?? undefined,
    f: ttftSeconds ?? undefined,
  };
}
