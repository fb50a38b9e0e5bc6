import type { IncomingMessage, ServerResponse } from "node:http";
import type { CorsSpec } from "../config/service-spec.ts";

const allowed =
  "authorization, content-type, x-api-key, api-key, anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access, openai-beta, traceparent, tracestate, idempotency-key";
const exposed =
  "retry-after, x-request-id, x-headgate-request-id, x-headgate-deployment, x-headgate-attempts, x-headgate-strategy, x-headgate-cost-usd, x-headgate-cost-estimated, x-headgate-dropped";

/** Says that a page of one of the configured origins may read the answer. @returns whether the request was only the browser's question, and is answered */
export function answerCors(spec: CorsSpec, request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers;
  const isKnown = origin !== undefined && (spec.origins.includes("*") || spec.origins.includes(origin));
  response.setHeader("vary", "origin");
  if (isKnown) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", exposed);
  }
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  request.resume();
  if (isKnown) {
    response.setHeader("access-control-allow-methods", "GET, POST, DELETE");
    response.setHeader("access-control-allow-headers", allowedOf(request.headers["access-control-request-headers"]));
    response.setHeader("access-control-max-age", String(spec.maxAgeSeconds));
  }
  response.writeHead(204, ["content-length", "0"]);
  response.end();
  return true;
}

/** Clients add headers of their own (x-stainless-os and the like): none of those reaches a provider. */
function allowedOf(wanted: string | string[] | undefined): string {
  const names = String(wanted ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase());
  const own = names.filter((name) => /^x-(?:headgate|stainless)-[a-z0-9-]{1,60}$/.test(name));
  return [allowed, ...own].join(", ");
}
