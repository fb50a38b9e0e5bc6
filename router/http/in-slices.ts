import { performance } from "node:perf_hooks";

/** What was put off keeps the event loop no longer than this from what has come in meanwhile. */
const sliceMs = 1;

const waiting: (() => void)[] = [];

/** Puts the work off behind the turn of the event loop. What waits is done in order and in slices of a millisecond; between two of them sockets have their turn. */
export function inSlices(work: () => void): void {
  if (waiting.push(work) === 1) setImmediate(doSlice);
}

function doSlice(): void {
  const untilMs = performance.now() + sliceMs;
  let done = 0;
  try {
    do {
      const work = waiting[done];
      done += 1;
      work?.();
    } while (done < waiting.length && performance.now() < untilMs);
  } finally {
    waiting.splice(0, done);
    if (waiting.length > 0) setImmediate(doSlice);
  }
}
