import { JsonLine } from "../json-line.ts";
import { RowClock } from "../row-clock.ts";
import { timestampOfMicros } from "../timestamp.ts";
import { type LineParser, type TraceFormat, type TraceSink, refuse } from "../trace-format.ts";
import { rowOf } from "../trace-row.ts";

/**
 * Mooncake traces (github.com/kvcache-ai/Mooncake): a line of JSON per request, `timestamp` in milliseconds, `hash_ids` one per 512 tokens of the prompt, chained by
 * prefix, the last block partial. The conversation traces have 3-second slots instead of instants: played as they are, they are a thundering herd at every slot; see jitter.
 */
export const mooncake: TraceFormat = {
  name: "mooncake",
  description: 'Mooncake: {"timestamp": ms, "input_length", "output_length", "hash_ids": [...]}, blocks of 512 tokens',
  detect: (firstLine) =>
    firstLine.startsWith("{") && firstLine.includes('"hash_ids"') && firstLine.includes('"input_length"') && !firstLine.includes('"chat_id"'),
  openLines: () => new MooncakeLines(),
};

const mooncakeBlockTokens = 512;

class MooncakeLines implements LineParser {
  readonly blockTokens = mooncakeBlockTokens;
  readonly #clock = new RowClock("timestamp");

  get originUs(): number | null {
    return this.#clock.originUs;
  }

  readLine(text: string, sink: TraceSink): void {
    const line = new JsonLine(text);
    const milliseconds = line.number("timestamp");
    const inputTokens = line.tokens("input_length", 1);
    const outputTokens = line.tokens("output_length", 0);
    const blocks = line.ids("hash_ids");
    const expected = Math.ceil(inputTokens / mooncakeBlockTokens);
    if (blocks.length !== expected) {
      refuse(
        line.columnOf("hash_ids"),
        "hash_ids",
        `has ${blocks.length} blocks, where ${inputTokens} tokens have ${expected} of ${mooncakeBlockTokens}`,
        "check input_length and hash_ids; blocks of another size want --format columns",
      );
    }
    const atUs = this.#clock.at(timestampOfMicros(milliseconds * 1000), line.columnOf("timestamp"), String(milliseconds));
    sink.row(rowOf(atUs, inputTokens, outputTokens, { blocks }));
  }
}
