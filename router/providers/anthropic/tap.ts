import type { Usage } from "../../core/messages.ts";
import { parsedPayload, payloadOf } from "../event-splitter.ts";
import { isWord } from "../json-skip.ts";
import type { Failure, StopReason } from "../provider-adapter.ts";
import { cut, type TapReader, type UsageListener, type Verdict } from "../tap-stream.ts";
import { readMessageErrorEvent } from "./failure.ts";
import { readStopReason } from "./response.ts";
import { errorOf } from "./stream.ts";
import { mergedUsage, readMessageUsage } from "./usage.ts";
import { type Fields, isFields } from "../../core/fields.ts";

const delta = Buffer.from("event: content_block_delta");
const stop = "event: message_stop";

/** A message's events, read while they pass. */
export class MessageTap implements TapReader {
  contentEvents = 0;
  reason: StopReason = "stop";
  failure: Failure = cut;
  #usage: Usage | null = null;

  read(data: Buffer, start: number, end: number, told: UsageListener): Verdict {
    if (this.contentEvents > 0 && isWord(data, start, start + delta.length, delta)) {
      this.contentEvents += 1;
      return "pass";
    }
    const value = parsedPayload(payloadOf(data.subarray(start, end)));
    if (!isFields(value)) return "pass";
    switch (value["type"]) {
      case "message_start":
        this.#usage = isFields(value["message"]) ? readMessageUsage(value["message"]["usage"]) : null;
        if (this.#usage !== null) told.usage(this.#usage);
        return "pass";
      case "content_block_delta":
        this.contentEvents += 1;
        return "pass";
      case "content_block_start":
        if (isFields(value["content_block"]) && value["content_block"]["type"] === "tool_use") this.contentEvents += 1;
        return "pass";
      case "message_delta":
        this.#end(value, told);
        return "pass";
      case "message_stop":
        return "last";
      case "error":
        this.failure = readMessageErrorEvent(errorOf(value["error"]));
        return "failed";
      default:
        return "pass";
    }
  }

  ending(rest: Buffer): string | null {
    return rest.toString("latin1").startsWith(stop) ? `${stop}\ndata: {"type":"message_stop"}\n\n` : null;
  }

  #end(value: Fields, told: UsageListener): void {
    const reason = isFields(value["delta"]) ? readStopReason(value["delta"]["stop_reason"]) : null;
    this.reason = reason ?? this.reason;
    const usage = mergedUsage(this.#usage, value["usage"]);
    if (usage !== null) told.usage(usage);
  }
}
