import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpRefusal } from "./http-refusal.ts";
import type { PageAnswer } from "./mock-surface.ts";

/** What is in every answer to come. A connection that lasts is not spoken of, as a vLLM does not: its callers have to know how long it lasts. */
export function greet(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (response.shouldKeepAlive) response.removeHeader("connection");
}

export function writeRefusal(response: ServerResponse, refusal: HttpRefusal): void {
  const headers = ["content-type", "application/json", "content-length", String(Buffer.byteLength(refusal.body))];
  if (refusal.retryAfterSeconds !== null) headers.push("retry-after", String(refusal.retryAfterSeconds));
  response.writeHead(refusal.status, headers);
  response.end(refusal.body);
}

export function writePage(response: ServerResponse, { status, type, body, headers = {}, chunked = false, without = [] }: PageAnswer): void {
  for (const name of without) response.removeHeader(name);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (type !== null) response.setHeader("content-type", type);
  if (!chunked) response.setHeader("content-length", Buffer.byteLength(body));
  response.writeHead(status);
  response.end(body);
}

/** Whatever its body would have been. */
export function refuse(request: IncomingMessage, response: ServerResponse, answer: PageAnswer): void {
  request.resume();
  writePage(response, answer);
}
