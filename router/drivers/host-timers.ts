import { performance } from "node:perf_hooks";
import type { Branded, Instant } from "../core/machine.ts";
import { instantAt } from "../core/time.ts";

export type TimerHandle = Branded<"timer"> | NodeJS.Timeout | NodeJS.Immediate;

/** What a driver needs of the event loop; a test gives its own. */
export interface HostTimers {
  setTimer(call: () => void, waitMs: number): TimerHandle;
  clearTimer(handle: TimerHandle): void;
  /** After the poll phase that comes next. */
  setImmediate(call: () => void): TimerHandle;
  clearImmediate(handle: TimerHandle): void;
}

export const hostTimers: HostTimers = {
  setTimer: (call, waitMs) => setTimeout(call, waitMs),
  clearTimer: (handle) => {
    clearTimeout(handle as NodeJS.Timeout);
  },
  setImmediate: (call) => setImmediate(call),
  clearImmediate: (handle) => {
    clearImmediate(handle as NodeJS.Immediate);
  },
};

export function monotonicNow(): Instant {
  return instantAt(Math.floor(performance.now() * 1000));
}
