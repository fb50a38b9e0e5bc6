import type { Instant } from "../../router/core/machine.ts";
import type { RunClock } from "./run-clock.ts";

/** A timer's own lateness stays below it, so the rest of the wait is spent looking at the clock once per turn of the event loop. */
const spinUs = 2_000;
const waitMaxMs = 1_000;

/** Resolves at `at`, within a turn of the event loop; at once when that has passed or `signal` is aborted. */
export async function waitUntil(clock: RunClock, at: Instant, signal: AbortSignal): Promise<void> {
  for (;;) {
    const leftUs = at - clock.now();
    if (leftUs <= 0 || signal.aborted) return;
    await (leftUs > spinUs ? timer(Math.min(waitMaxMs, (leftUs - spinUs) / 1000)) : turn());
  }
}

const timer = async (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
const turn = async (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
