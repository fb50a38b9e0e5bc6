import { parsedPayload, payloadOf } from "./event-splitter.ts";
import { readUsage } from "./openai-compatible/usage.ts";
import { cut, type TapReader, type UsageListener, type Verdict } from "./tap-stream.ts";
import { isFields } from "../core/fields.ts";

/** The stream of a path that the router does not know: all of it passes, and its end is where the connection ends it well. */
export class UnknownTap implements TapReader {
  contentEvents = 0;
  readonly reason = "stop";
  readonly failure = cut;

  read(data: Buffer, start: number, end: number, told: UsageListener): Verdict {
    this.contentEvents += 1;
    const event = data.subarray(start, end);
    if (event.includes('"usage"')) {
      const value = parsedPayload(payloadOf(event));
      const usage = isFields(value) ? readUsage(value["usage"]) : null;
      if (usage !== null) told.usage(usage);
    }
    return "pass";
  }

  ending(rest: Buffer): string {
    return rest.toString("utf8");
  }
}
