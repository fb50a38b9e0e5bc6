/**
 * Latency based: peak average of the time to the first token (of the whole answer for requests that do not stream), times the requests in flight and this one: how long
 * it would take here (the rule of Finagle's and linkerd's peak EWMA). An endpoint that nobody asks is forgiven with time, so it is tried again. Slow start: one that has
 * answered fewer than `slowStart` requests gets at most one more at a time than it has answered, and goes first as long as it has room: a newcomer is tried, never flooded.
 */
import { type Choice, endpointAt, judgeBy, type Strategy } from "./choice.ts";
import { peakNow } from "./learned.ts";
import { leastOf } from "./least-of.ts";
import { busyOf } from "./power-of-two.ts";

const slowStart = 8;
/** An hour: later than any that has room, and the least busy first among those that have none. */
const fullUs = 3_600_000_000;

function expectedWait(choice: Choice, index: number): number {
  const endpoint = endpointAt(choice, index);
  const { learned, inFlight } = endpoint;
  const average = choice.request.stream ? learned.firstToken : learned.wholeAnswer;
  if (average.samples < slowStart && inFlight > average.samples) return fullUs * (1 + inFlight);
  return peakNow(average, choice.state.now) * (1 + busyOf(choice, endpoint));
}

export const latencyBased: Strategy = {
  measure: "expected wait in microseconds",
  judge: judgeBy(expectedWait),
  pick: (choice) => leastOf(choice, expectedWait),
};
