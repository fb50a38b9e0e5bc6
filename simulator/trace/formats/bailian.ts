import type { RequestFeatures } from "../../core/workload/request-features.ts";
import { JsonLine, shown } from "../json-line.ts";
import { RowClock } from "../row-clock.ts";
import { timestampOfMicros } from "../timestamp.ts";
import { type LineParser, type TraceFormat, type TraceSink, refuse } from "../trace-format.ts";
import { rowOf } from "../trace-row.ts";

/**
 * Alibaba Bailian traces (github.com/alibaba-edu/qwen-bailian-usagetraces-anon): a line of JSON per request, `timestamp` in seconds, `hash_ids` one per 16 tokens, global.
 * Each block is hashed by its own content, not by its prefix: the same text after another prefix has the same id. A chat's session is its first request; a turn names its
 * parent. Of the chats that were seen, the last 500,000 are remembered.
 */
export const bailian: TraceFormat = {
  name: "bailian",
  description:
    'Alibaba Bailian: {"chat_id", "parent_chat_id", "timestamp": s, "input_length", "output_length", "type", "turn", "hash_ids": [...]}, blocks of 16 tokens',
  detect: (firstLine) => firstLine.startsWith("{") && firstLine.includes('"chat_id"') && firstLine.includes('"hash_ids"'),
  openLines: () => new BailianLines(),
};

const bailianBlockTokens = 16;
const chatsMax = 500_000;

class BailianLines implements LineParser {
  readonly blockTokens = bailianBlockTokens;
  readonly #clock = new RowClock("timestamp");
  /** Chat to the first chat of its session. */
  readonly #roots = new Map<string, string>();

  get originUs(): number | null {
    return this.#clock.originUs;
  }

  readLine(text: string, sink: TraceSink): void {
    const line = new JsonLine(text);
    const seconds = line.number("timestamp");
    const inputTokens = line.tokens("input_length", 1);
    const outputTokens = line.tokens("output_length", 0);
    const blocks = line.ids("hash_ids");
    if (blocks.length > Math.ceil(inputTokens / bailianBlockTokens)) {
      const most = Math.ceil(inputTokens / bailianBlockTokens);
      refuse(
        line.columnOf("hash_ids"),
        "hash_ids",
        `has ${blocks.length} blocks, where ${inputTokens} tokens have at most ${most} of ${bailianBlockTokens}`,
        "check input_length and hash_ids",
      );
    }
    const session = this.#sessionOf(line);
    const atUs = this.#clock.at(timestampOfMicros(seconds * 1_000_000), line.columnOf("timestamp"), String(seconds));
    sink.row(rowOf(atUs, inputTokens, outputTokens, { blocks, session, features: featuresOf(line) }));
  }

  #sessionOf(line: JsonLine): string {
    const chat = line.text("chat_id");
    if (chat === null) return refuse(line.columnOf("chat_id"), "chat_id", `${shown(line.value("chat_id"))} is not a chat`, "give every line a chat_id");
    const parent = line.text("parent_chat_id") ?? "-1";
    const root = parent === "-1" ? chat : (this.#roots.get(parent) ?? parent);
    this.#roots.set(chat, root);
    if (this.#roots.size > chatsMax) this.#roots.delete(this.#roots.keys().next().value ?? chat);
    return root;
  }
}

function featuresOf(line: JsonLine): Partial<RequestFeatures> | null {
  const type = line.text("type");
  if (type === "image" || type === "audio") return { modality: type };
  return type === "search" ? { modality: "text", tools: true } : type === "text" || type === "file" ? { modality: "text" } : null;
}
