import { destination, pino, type Logger } from "pino";

/** Beyond it lines are dropped, and counted: a slow sink must not hold memory or requests. */
const bufferedBytesMax = 8 * 1024 * 1024;
const levels: readonly string[] = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

export interface DecisionLog {
  readonly logger: Logger;
  dropped(): number;
  flush(): void;
}

/** JSON lines on stderr, written in batches; nothing on the request path waits for it. LOG_LEVEL says how much. */
export function openDecisionLog(level: string | undefined): DecisionLog {
  const sink = destination({ dest: 2, sync: false, minLength: 4096, maxLength: bufferedBytesMax, periodicFlush: 500 });
  let dropped = 0;
  sink.on("drop", () => {
    dropped += 1;
  });
  const logger = pino({ level: level !== undefined && levels.includes(level) ? level : "info", base: null }, sink);
  return {
    logger,
    dropped: () => dropped,
    flush: () => {
      try {
        sink.flushSync();
      } catch {
        // Nothing has been opened or the sink is gone: there is nobody to tell.
      }
    },
  };
}
