import type { CompiledConfig } from "../core/compiled-config.ts";
import type { Account, FinishResult } from "../core/messages.ts";
import { strategyOf } from "../core/strategy/strategy.ts";
import { quotable } from "../providers/without-secrets.ts";
import { errorOfFailure, errorOfRejection, type FailureTold, type HttpError, nothingTold, passesOn, retryAfterSeconds } from "./http-errors.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

/** Known as soon as an attempt answers: who serves the request. */
export function attemptHeaders(request: RequestInFlight, config: CompiledConfig): string[] {
  const headers = [
    // Under the name that the caller's client looks for.
    request.caller.dialect === "anthropic-messages" ? "request-id" : "x-request-id",
    request.name,
    "x-headgate-request-id",
    request.name,
    "x-headgate-strategy",
    strategyOf(request.route, request.routed),
    "x-headgate-attempts",
    String(request.attempts),
  ];
  const deployment = deploymentOf(request, config);
  if (deployment !== null) headers.push("x-headgate-deployment", deployment);
  if (request.dropped.length > 0) headers.push("x-headgate-dropped", request.dropped.join(", ").replaceAll(/[^\x20-\x7e]/g, "?"));
  return headers;
}

/** Who served the request, or failed it last; null: nobody. */
function deploymentOf(request: RequestInFlight, config: CompiledConfig): string | null {
  const last = request.answering?.endpoint ?? request.endpointsTried.at(-1);
  const endpoint = last === undefined ? undefined : config.endpoints[last];
  return endpoint === undefined ? null : (config.deployments[endpoint.deployment]?.name ?? null);
}

/** What callers are told of a failure: what the provider itself answered, never what a connection said, which names addresses. */
function toldOf(request: RequestInFlight, config: CompiledConfig): FailureTold {
  const { ending } = request;
  if (ending === null) return nothingTold;
  return { quoted: ending.told ? quotable(ending.message) : "", deployment: deploymentOf(request, config), status: ending.status, field: ending.field };
}

const noHeaders: readonly string[] = [];

/** Known when the request is finished: also what it cost. */
function answerHeaders(request: RequestInFlight, account: Account, config: CompiledConfig): string[] {
  const headers = attemptHeaders(request, config);
  if (account.attempts === 0) return headers;
  headers.push("x-headgate-cost-usd", account.priced ? (account.nanoDollars / 1e9).toFixed(9) : "unknown");
  if (account.estimated) headers.push("x-headgate-cost-estimated", "true");
  return headers;
}

/** The one place where a request's result becomes its answer. */
export function finishAnswer(request: RequestInFlight, result: FinishResult, account: Account, config: CompiledConfig): void {
  const { answer } = request;
  const headers = answer.committed ? noHeaders : answerHeaders(request, account, config);
  switch (result.kind) {
    case "served":
      endServed(request, headers);
      return;
    case "cut":
      if (answer.committed) answer.cutStream(errorOfFailure(result.failure, toldOf(request, config)));
      else answer.endError(errorOfFailure(result.failure, toldOf(request, config)), headers);
      return;
    case "failed":
      endFailed(request, result, headers, config);
      return;
    case "rejected":
      endWithError(request, errorOfRejection(result.why), result, headers);
      return;
    case "client-left":
      answer.abandon();
  }
}

function endServed({ answer, ending, answering, endedLast }: RequestInFlight, headers: readonly string[]): void {
  if (ending !== null && ending.answer !== null) {
    answer.endPlain(ending.answer, headers);
    return;
  }
  const attempt = answering?.id ?? endedLast;
  if (attempt !== null) answer.commit(attempt, headers);
  answer.endStream();
}

function endFailed(request: RequestInFlight, result: Extract<FinishResult, { kind: "failed" }>, headers: readonly string[], config: CompiledConfig): void {
  const said = request.ending?.answer ?? null;
  if (said !== null && passesOn(result.failure) && saysError(said.body)) request.answer.endPlain(said, headers);
  else endWithError(request, errorOfFailure(result.failure, toldOf(request, config)), result, headers);
}

function endWithError(request: RequestInFlight, error: HttpError, result: FinishResult, headers: readonly string[]): void {
  const seconds = retryAfterSeconds(error.status, result);
  request.answer.endError(error, seconds === null ? headers : [...headers, "retry-after", String(seconds)]);
}

/** What clients can read: `{"error": {"message": ...}}`, as both dialects have it. A proxy's page, or anything else that came with a status of 400, is told in our own words. */
function saysError(body: Uint8Array): boolean {
  try {
    const value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8")) as {
      readonly error?: { readonly message?: unknown; readonly type?: unknown };
    } | null;
    return typeof value?.error?.message === "string" && value.error.message !== "" && typeof value.error.type === "string";
  } catch {
    return false;
  }
}
