import type { ServerResponse } from "node:http";
import { z } from "zod";
import { openAiError, type HttpRefusal } from "./http-refusal.ts";
import type { MockOperation } from "./dialects/mock-dialect.ts";

/**
 * Faults of the wire, set while the mock runs: `POST /mock/faults` with the fields below replaces what is set, `GET` shows it, `DELETE` ends it, one server (origin) at a time.
 * They lie above the model of the endpoint: what the model does is not changed, only what callers see of it. Events count from the first of a stream, its role chunk.
 */
const wireFaultsSchema = z.strictObject({
  /** Before anything of an answer, its head included. */
  latencyMs: z.number().min(0).max(600_000).prefault(0),
  /** Answered instead, with its own kind of body. */
  status: z.union([z.literal(0), z.number().int().min(400).max(599)]).prefault(0),
  retryAfterSeconds: z.number().int().min(0).max(86_400).nullable().prefault(null),
  /** Share of the calls that meet the faults. */
  share: z.number().min(0).max(1).prefault(1),
  /** The connection is reset before an answer. */
  reset: z.boolean().prefault(false),
  /** Nothing is answered any more, and streams under way fall silent: vLLM after SIGTERM, until it is gone. */
  hangs: z.boolean().prefault(false),
  /** Every call gets the 500 of a vLLM that shuts down in good order; health stays well. */
  draining: z.boolean().prefault(false),
  /** 503 of a vLLM whose queue is full, or whatever its API says when it is overloaded. */
  busy: z.boolean().prefault(false),
  /** The engine behind the server is gone: every call gets the 500 that says so, and health a 503, until the server follows it. */
  engineDead: z.boolean().prefault(false),
  /** After so many events of a stream ... */
  afterEvents: z.number().int().min(0).max(1_000_000).prefault(2),
  /** ... this happens; `engine-dead`: an error event, [DONE], and a clean end, as of vLLM. */
  stream: z.enum(["whole", "cut", "stall", "malformed", "engine-dead"]).prefault("whole"),
  /** What a scrape takes. */
  metricsMs: z.number().min(0).max(600_000).prefault(0),
});
export type WireFaults = z.output<typeof wireFaultsSchema>;
export const noWireFaults: WireFaults = wireFaultsSchema.parse({});

const drainingAnswer = openAiError(500, "cannot schedule new futures after shutdown", "InternalServerError", null, 500);
const deadMessage = "EngineCore encountered an issue. See stack trace (above) for the root cause.";
const deadAnswer = openAiError(500, deadMessage, "InternalServerError", null, 500);
const deadEvents = `data: {"error": {"message": "${deadMessage}", "type": "InternalServerError", "param": null, "code": 500}}\n\ndata: [DONE]\n\n`;
const brokenEvent = 'data: {"id":"chatcmpl-0","choices":[{"index":0,"del\n\ndata: }}{{\n\n';

/** @returns the faults, or what is wrong with them */
export function readFaults(body: Buffer): WireFaults | string {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const parsed = wireFaultsSchema.safeParse(value);
  return parsed.success ? parsed.data : z.prettifyError(parsed.error);
}

/** Instead of the model's answer; null: the model answers. */
export function refusalOf(faults: WireFaults, operation: MockOperation): HttpRefusal | null {
  if (faults.engineDead) return deadAnswer;
  if (faults.draining) return drainingAnswer;
  if (faults.busy) return operation.refusal({ kind: "overloaded" });
  if (faults.status === 0) return null;
  const answer = openAiError(faults.status, `a fault of the mock's wire: ${faults.status}`, "MockFault", null, faults.status);
  return { ...answer, retryAfterSeconds: faults.retryAfterSeconds };
}

/** What the model writes passes, until the fault of the stream strikes. `faults` is asked at each event: one that is set now strikes streams under way. */
export function breakStream(response: ServerResponse, faults: () => WireFaults): void {
  const write = response.write.bind(response) as (chunk: string | Uint8Array) => boolean;
  const end = response.end.bind(response) as (chunk?: string | Uint8Array) => ServerResponse;
  let events = 0;
  let struck = false;
  const passes = (): boolean => {
    const { hangs, stream, afterEvents } = faults();
    if (struck) return false;
    if (!hangs && (stream === "whole" || events < afterEvents)) return true;
    struck = true;
    if (hangs || stream === "stall") return false;
    if (stream === "cut") response.socket?.destroy();
    else if (stream === "engine-dead") end(deadEvents);
    else write(brokenEvent);
    return false;
  };
  const pass = (chunk: string | Uint8Array | undefined): boolean => {
    if (!passes()) return false;
    events += 1;
    return chunk === undefined || write(chunk);
  };
  response.write = ((chunk: string | Uint8Array) => pass(chunk)) as typeof response.write;
  response.end = ((chunk?: string | Uint8Array) => {
    if (passes()) end(chunk);
    else if (!faults().hangs && faults().stream === "malformed") end();
    return response;
  }) as typeof response.end;
}
