import { pino, type Logger } from "pino";
import type { ByteLine } from "./byte-line.ts";
import { LineSink } from "./line-sink.ts";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

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

/** JSON lines on stderr, written in batches; nothing on the request path waits for it. */
export function openDecisionLog(level: LogLevel): DecisionLog {
  const sink = new LineSink(2);
  const logger = pino({ level, base: null }, sink);
  return {
    logger,
    takesDecisions: logger.isLevelEnabled("info"),
    decision: ({ bytes, length }) => sink.writeBytes(bytes, length),
    dropped: () => sink.dropped,
    flush: () => sink.flush(),
  };
}
