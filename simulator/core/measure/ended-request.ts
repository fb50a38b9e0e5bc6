import type { FinishResult, RouteId } from "../../../router/core/messages.ts";
import type { Arrival } from "../workload/arrival.ts";
import type { RequestRecord } from "./request-record.ts";

/** A request that never had an attempt. */
export function unserved({ at, inputTokens, batch = false }: Arrival, serial: number, route: RouteId): Omit<RequestRecord, "tenant" | "why" | "end"> {
  const result = {
    result: "failed",
    deployment: null,
    started: null,
    first: null,
    last: null,
    cachedTokens: 0,
    outputTokens: 0,
    attempts: 0,
    nanoDollars: 0,
    priced: true,
    version: null,
  } as const;
  return { serial, route, scheduled: at, sent: at, inputTokens, batch, ...result };
}

export function whyOf(result: FinishResult): string | null {
  if (result.kind === "failed" || result.kind === "cut") return result.failure;
  return result.kind === "rejected" ? result.why : null;
}
