import type { BodyScan, Span } from "../body-scan.ts";
import type { CallerRequest, EncodedRequest, Target } from "../provider-adapter.ts";

interface Splice extends Span {
  readonly text: string;
}

const plainHeaders = ["content-type", "application/json", "accept", "application/json", "accept-encoding", "identity"];
const streamHeaders = ["content-type", "application/json", "accept", "text/event-stream", "accept-encoding", "identity"];

/** The caller's bytes with another model name and, for a stream, with its usage asked for. */
export function encodeRequest(request: CallerRequest, target: Target): EncodedRequest {
  const { scan } = request;
  const splices = [modelSplice(scan, target.model)];
  if (scan.stream && !scan.includeUsage) splices.push(usageSplice(scan));
  return {
    path: `${target.basePath}/v1/chat/completions`,
    headers: scan.stream ? streamHeaders : plainHeaders,
    body: spliced(scan.body, splices),
    mode: scan.stream ? "tap" : "as-is",
  };
}

function modelSplice(scan: BodyScan, model: string): Splice {
  const value = JSON.stringify(model);
  return scan.modelSpan === null ? insertion(scan, `"model":${value}`) : { ...scan.modelSpan, text: value };
}

function usageSplice(scan: BodyScan): Splice {
  const span = scan.streamOptionsSpan;
  if (span === null) return insertion(scan, `"stream_options":{"include_usage":true}`);
  const options: unknown = JSON.parse(scan.body.toString("utf8", span.start, span.end));
  const kept = typeof options === "object" && options !== null && !Array.isArray(options) ? options : {};
  return { ...span, text: JSON.stringify({ ...kept, include_usage: true }) };
}

/** A first member of the object. */
function insertion(scan: BodyScan, member: string): Splice {
  return { start: scan.inside, end: scan.inside, text: scan.empty ? member : `${member},` };
}

function spliced(body: Buffer, splices: readonly Splice[]): Uint8Array[] {
  const ordered = splices.toSorted((one, other) => one.start - other.start);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const splice of ordered) {
    parts.push(body.subarray(from, splice.start), Buffer.from(splice.text));
    from = splice.end;
  }
  parts.push(body.subarray(from));
  return parts;
}
