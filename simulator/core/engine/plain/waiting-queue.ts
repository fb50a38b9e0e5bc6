import type { PlainRequest } from "./plain-request.ts";

/** fcfs: order of arrival, preempted ones in front. priority: lower value first, then arrival, then id. */
export interface WaitingQueue {
  readonly length: number;
  readonly requests: readonly PlainRequest[];
  add(request: PlainRequest): void;
  prepend(request: PlainRequest): void;
  remove(request: PlainRequest): void;
}

export function createWaitingQueue(policy: "fcfs" | "priority"): WaitingQueue {
  const requests: PlainRequest[] = [];
  const insert = (request: PlainRequest): void => {
    const place = requests.findIndex((other) => precedes(request, other));
    requests.splice(place < 0 ? requests.length : place, 0, request);
  };
  return {
    get length() {
      return requests.length;
    },
    requests,
    add: policy === "priority" ? insert : (request) => void requests.push(request),
    prepend: policy === "priority" ? insert : (request) => void requests.unshift(request),
    remove: (request) => void requests.splice(requests.indexOf(request), 1),
  };
}

function precedes(one: PlainRequest, other: PlainRequest): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  if (one.arrival !== other.arrival) return one.arrival < other.arrival;
  return one.id < other.id;
}
