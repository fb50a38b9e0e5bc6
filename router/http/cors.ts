import type { CorsSpec } from "../config/service-spec.ts";
import type { Exchange } from "./ingress/exchange.ts";

const allowed =
  "authorization, content-type, x-api-key, api-key, anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access, openai-beta, traceparent, tracestate, idempotency-key";
const exposed =
  "retry-after, request-id, x-request-id, x-headgate-request-id, x-headgate-deployment, x-headgate-attempts, x-headgate-strategy, x-headgate-cost-usd, x-headgate-cost-estimated, x-headgate-dropped";

/** Says that a page of one of the configured origins may read the answer. @returns whether the request was only the browser's question, and is answered */
export function answerCors(spec: CorsSpec, exchange: Exchange): boolean {
  const { headers } = exchange;
  const origin = headers.get("origin");
  const isKnown = origin !== undefined && (spec.origins.includes("*") || spec.origins.includes(origin));
  exchange.addHeaders(isKnown ? ["vary", "origin", "access-control-allow-origin", origin, "access-control-expose-headers", exposed] : ["vary", "origin"]);
  if (exchange.method !== "OPTIONS" || headers.get("access-control-request-method") === undefined) return false;
  exchange.discardBody();
  const may = [
    "access-control-allow-methods",
    "GET, POST, DELETE",
    "access-control-allow-headers",
    allowedOf(headers.get("access-control-request-headers") ?? ""),
    "access-control-max-age",
    String(spec.maxAgeSeconds),
  ];
  exchange.answer(204, isKnown ? may : [], Buffer.alloc(0));
  return true;
}

/** Clients add headers of their own (x-stainless-os and the like): none of those reaches a provider. */
function allowedOf(wanted: string): string {
  const names = wanted.split(",").map((name) => name.trim().toLowerCase());
  const own = names.filter((name) => /^x-(?:headgate|stainless)-[a-z0-9-]{1,60}$/.test(name));
  return [allowed, ...own].join(", ");
}
