import { isFields } from "../../../router/core/fields.ts";
import type { SessionCall, SessionStep, SubAgents } from "../../core/workload/session-script.ts";
import { JsonLine, shown } from "../json-line.ts";
import { type LineParser, type TraceFormat, type TraceSink, refuse } from "../trace-format.ts";

/**
 * Agentic coding sessions (github.com/callanjfox/kv-cache-tester), a line of JSON per conversation: `requests` with `t` and `think_time` in seconds, `in`, `out`, and the
 * prompt's blocks as runs `blk` [first, number, ...] or as a list `hash_ids`, local to the conversation. An entry of type `subagent` has requests of its own.
 * What was seen in the data: a sub-agent's `t` is its end, all sub-agents between two of the parent's requests began at the end of the first, and the second's `think_time`
 * counts from there; so that what is left to think after the slowest sub-agent is `think_time` less its `duration_ms`.
 */
export const agentic: TraceFormat = {
  name: "agentic",
  description:
    'agentic sessions: {"id", "block_size", "requests": [{"t", "in", "out", "think_time", "api_time", "blk"}, {"type": "subagent", "requests"}]}, closed loop',
  detect: (firstLine) => firstLine.startsWith("{") && firstLine.includes('"requests"') && (firstLine.includes('"blk"') || firstLine.includes('"hash_ids"')),
  openLines: () => new AgenticLines(),
  lineMax: 1 << 26,
};

const depthMax = 8;
const secondsMax = 30 * 86_400;

class AgenticLines implements LineParser {
  readonly originUs = 0;
  readonly #ids = new Set<string>();
  #blockTokens: number | null = null;

  get blockTokens(): number | null {
    return this.#blockTokens;
  }

  readLine(text: string, sink: TraceSink): void {
    const line = new JsonLine(text);
    const id = line.text("id");
    if (id === null) return refuse(line.columnOf("id"), "id", `${shown(line.value("id"))} is not a conversation's id`, "give every conversation an id");
    if (this.#ids.has(id)) refuse(line.columnOf("id"), "id", `"${id.slice(0, 40)}" is there twice`, "give every conversation an id of its own");
    if (this.#ids.size < 1_000_000) this.#ids.add(id);
    const blockTokens = line.tokens("block_size", 1);
    if (this.#blockTokens !== null && this.#blockTokens !== blockTokens) {
      refuse(
        line.columnOf("block_size"),
        "block_size",
        `${blockTokens} differs from ${this.#blockTokens} of the lines before`,
        "put conversations of one block size into a file",
      );
    }
    this.#blockTokens = blockTokens;
    const steps = stepsOf(text, line.list("requests"), blockTokens, 0);
    if (steps.length === 0) refuse(line.columnOf("requests"), "requests", "is empty", "leave conversations without requests out");
    sink.session({ id, tenant: line.text("tenant"), route: null, blockTokens, steps });
  }
}

function stepsOf(text: string, entries: readonly unknown[], blockTokens: number, depth: number): readonly SessionStep[] {
  const steps: SessionStep[] = [];
  let agents: (readonly SessionStep[])[] = [];
  let slowestSeconds = 0;
  let lastSeconds = 0;
  for (const [place, value] of entries.entries()) {
    const entry = entryOf(text, value, place, depth);
    if (entry.text("type") === "subagent") {
      const nested = stepsOf(text, entry.list("requests"), blockTokens, depth + 1);
      if (nested.length > 0) agents.push(nested);
      slowestSeconds = Math.max(slowestSeconds, (entry.optionalNumber("duration_ms") ?? 0) / 1000);
      continue;
    }
    if (agents.length > 0) steps.push({ kind: "sub-agents", agents } satisfies SubAgents);
    const at = secondsOf(entry, "t") ?? lastSeconds;
    if (at < lastSeconds)
      refuse(entry.columnOf("t"), `requests[${place}].t`, `${at} is earlier than ${lastSeconds} before it`, "sort the requests of a conversation by t");
    const think = secondsOf(entry, "think_time") ?? at - lastSeconds;
    steps.push(callOf(entry, Math.max(0, think - slowestSeconds), blockTokens, place));
    lastSeconds = at;
    agents = [];
    slowestSeconds = 0;
  }
  if (agents.length > 0) steps.push({ kind: "sub-agents", agents });
  return steps;
}

function entryOf(text: string, value: unknown, place: number, depth: number): JsonLine {
  if (depth > depthMax) refuse(1, "requests", `sub-agents are nested more than ${depthMax} deep`, "check the file");
  if (isFields(value)) return new JsonLine(text, value);
  return refuse(1, `requests[${place}]`, `${shown(value)} is not a request`, "give objects");
}

function secondsOf(entry: JsonLine, name: string): number | null {
  const seconds = entry.optionalNumber(name);
  if (seconds !== null && seconds > secondsMax) refuse(entry.columnOf(name), name, `${seconds} seconds are more than 30 days`, "write seconds");
  return seconds;
}

function callOf(entry: JsonLine, thinkSeconds: number, blockTokens: number, place: number): SessionCall {
  const inputTokens = entry.tokens("in", 1);
  const outputTokens = entry.tokens("out", 0);
  const runs = entry.value("blk") === undefined ? runsOf(entry.ids("hash_ids")) : entry.ids("blk");
  let blocks = 0;
  for (let index = 1; index < runs.length; index += 2) blocks += runs[index] ?? 0;
  if (runs.length % 2 !== 0 || blocks > 2 * Math.ceil(inputTokens / blockTokens) + 64) {
    const said =
      runs.length % 2 === 0 ? `has ${blocks} blocks of ${blockTokens}, far more than ${inputTokens} tokens` : "is not a list of pairs (first id, number)";
    refuse(entry.columnOf("blk"), `requests[${place}].blk`, said, "check in, block_size and blk");
  }
  return {
    kind: "call",
    thinkUs: Math.round(thinkSeconds * 1_000_000),
    inputTokens,
    outputTokens,
    blockRuns: runs,
    apiSeconds: secondsOf(entry, "api_time"),
    ttftSeconds: secondsOf(entry, "ttft"),
  };
}

/** Consecutive ids as runs. */
export function runsOf(ids: readonly number[]): readonly number[] {
  const runs: number[] = [];
  let expected = -1;
  for (const id of ids) {
    if (id === expected) runs.push((runs.pop() ?? 0) + 1);
    else runs.push(id, 1);
    expected = id + 1;
  }
  return runs;
}
