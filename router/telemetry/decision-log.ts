import { destination, pino, type Logger } from "pino";

/** Beyond it lines are dropped, and counted: a slow sink must not hold memory or requests. */
const bufferedBytesMax = 8 * 1024 * 1024;
/** A write costs what some ten lines cost: they leave together, half a second late at most. */
const batchBytes = 64 * 1024;
const infoLevel = 30;
const levels: readonly string[] = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

export interface DecisionLog {
  readonly logger: Logger;
  /** False: decisions need not be put together. */
  readonly takesDecisions: boolean;
  /** One `route_decision` line. */
  decision(record: Readonly<Record<string, unknown>>): void;
  dropped(): number;
  flush(): void;
}

/** JSON lines on stderr, written in batches; nothing on the request path waits for it. LOG_LEVEL says how much. */
export function openDecisionLog(level: string | undefined): DecisionLog {
  const sink = destination({ dest: 2, sync: false, minLength: batchBytes, maxWrite: 2 * batchBytes, maxLength: bufferedBytesMax, periodicFlush: 500 });
  let dropped = 0;
  sink.on("drop", () => {
    dropped += 1;
  });
  const logger = pino({ level: level !== undefined && levels.includes(level) ? level : "info", base: null }, sink);
  return {
    logger,
    takesDecisions: logger.isLevelEnabled("info"),
    // What pino would write; JSON.stringify alone does it in a third of the time.
    decision: (record) => {
      sink.write(`${JSON.stringify({ level: infoLevel, time: Date.now(), ...record, msg: "route_decision" })}\n`);
    },
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
