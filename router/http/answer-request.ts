import type { CompiledConfig } from "../core/compiled-config.ts";
import type { Account, FinishResult } from "../core/messages.ts";
import { errorOfFailure, errorOfRejection, type HttpError, passesOn, retryAfterSeconds } from "./http-errors.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

/** Known as soon as an attempt answers: who serves the request. */
export function attemptHeaders(request: RequestInFlight, config: CompiledConfig): string[] {
  const headers = [
    "x-request-id",
    request.name,
    "x-headgate-request-id",
    request.name,
    "x-headgate-strategy",
    request.route.strategy,
    "x-headgate-attempts",
    String(request.attempts),
  ];
  const last = request.answering?.endpoint ?? request.endpointsTried.at(-1);
  const endpoint = last === undefined ? undefined : config.endpoints[last];
  const deployment = endpoint === undefined ? undefined : config.deployments[endpoint.deployment];
  if (deployment !== undefined) headers.push("x-headgate-deployment", deployment.name);
  return headers;
}

/** Known when the request is finished: also what it cost. */
export function answerHeaders(request: RequestInFlight, account: Account, config: CompiledConfig): string[] {
  const headers = attemptHeaders(request, config);
  if (account.attempts === 0) return headers;
  headers.push("x-headgate-cost-usd", account.priced ? (account.nanoDollars / 1e9).toFixed(9) : "unknown");
  if (account.estimated) headers.push("x-headgate-cost-estimated", "true");
  return headers;
}

/** The one place where a request's result becomes its answer. */
export function finishAnswer(request: RequestInFlight, result: FinishResult, headers: readonly string[]): void {
  const { answer, ending } = request;
  switch (result.kind) {
    case "served":
      if (ending !== null && ending.answer !== null) answer.endPlain(ending.answer, headers);
      else {
        const attempt = request.answering?.id ?? request.endedLast;
        if (attempt !== null) answer.commit(attempt, headers);
        answer.endStream();
      }
      return;
    case "cut":
      if (answer.committed) answer.cutStream(errorOfFailure(result.failure));
      else answer.endError(errorOfFailure(result.failure), headers);
      return;
    case "failed":
      if (ending !== null && ending.answer !== null && passesOn(result.failure)) answer.endPlain(ending.answer, headers);
      else endWithError(request, errorOfFailure(result.failure), result, headers);
      return;
    case "rejected":
      endWithError(request, errorOfRejection(result.why), result, headers);
      return;
    case "client-left":
      answer.abandon();
  }
}

function endWithError(request: RequestInFlight, error: HttpError, result: FinishResult, headers: readonly string[]): void {
  const seconds = retryAfterSeconds(error.status, result);
  request.answer.endError(error, seconds === null ? headers : [...headers, "retry-after", String(seconds)]);
}
