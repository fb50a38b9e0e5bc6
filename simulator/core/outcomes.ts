/** What an endpoint's model has said, as the router is told it. */
import type { AttemptOutcome, FailureKind, Usage } from "../../router/core/messages.ts";
import type { EndpointCommand } from "./endpoint.ts";

export function succeeded(usage: Usage): AttemptOutcome {
  return { kind: "succeeded", failure: null, retryAfter: null, billed: "yes", usage, usageEstimated: false, lagged: false };
}

export function failed(failure: FailureKind, retryAfter: AttemptOutcome["retryAfter"], usage: Usage | null): AttemptOutcome {
  return { kind: "failed", failure, retryAfter, billed: usage === null ? "no" : "maybe", usage, usageEstimated: usage !== null, lagged: false };
}

function aborted(usage: Usage): AttemptOutcome {
  return { kind: "aborted", failure: null, retryAfter: null, billed: "maybe", usage, usageEstimated: true, lagged: false };
}

export function cutOutcome({ usage, idle }: Extract<EndpointCommand, { kind: "cut-call" }>, wasAborted: boolean): AttemptOutcome {
  return wasAborted ? aborted(usage) : failed(idle === true ? "timed-out-idle" : "cut", null, usage);
}
