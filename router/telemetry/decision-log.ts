import { pino, type Logger } from "pino";
import type { ByteLine } from "./byte-line.ts";
import { LineSink } from "./line-sink.ts";

const levels: readonly string[] = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

export interface DecisionLog {
  /** For what happens now and then. */
  readonly logger: Logger;
  /** False: decisions need not be put together. */
  readonly takesDecisions: boolean;
  /** One decision, as a line of JSON with its newline; it is copied. */
  decision(line: ByteLine): void;
  dropped(): number;
  flush(): Promise<void>;
}

/** JSON lines on stderr, written in batches; nothing on the request path waits for it. LOG_LEVEL says how much. */
export function openDecisionLog(level: string | undefined): DecisionLog {
  const sink = new LineSink(2);
  const logger = pino({ level: level !== undefined && levels.includes(level) ? level : "info", base: null }, sink);
  return {
    logger,
    takesDecisions: logger.isLevelEnabled("info"),
    decision: ({ bytes, length }) => sink.writeBytes(bytes, length),
    dropped: () => sink.dropped,
    flush: () => sink.flush(),
  };
}
