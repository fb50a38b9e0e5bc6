import type { BodyScan, Splice } from "./body-scan.ts";
import type { EncodedRequest } from "./provider-adapter.ts";

const plainHeaders = ["content-type", "application/json", "accept", "application/json", "accept-encoding", "identity"];
const streamHeaders = ["content-type", "application/json", "accept", "text/event-stream", "accept-encoding", "identity"];

export const bodyHeaders = (stream: boolean): readonly string[] => (stream ? streamHeaders : plainHeaders);

/** The caller's bytes with another model name, without what was meant for the router, and with what `splices` say. */
export function passOn(
  scan: BodyScan,
  to: { readonly path: string; readonly model: string; readonly headers: readonly string[] },
  splices: readonly Splice[] = [],
): EncodedRequest {
  const headers = to.headers.length === 0 ? bodyHeaders(scan.stream) : [...bodyHeaders(scan.stream), ...to.headers];
  const body = spliced(scan.body, [modelSplice(scan, to.model), ...scan.cuts, ...splices]);
  return { kind: "encoded", method: "POST", path: to.path, headers, body, mode: scan.stream ? "tap" : "as-is", dropped: [] };
}

/** The body as the caller's dialect has it, without what was meant for the router. */
export function ownFields(scan: BodyScan): unknown {
  const body = scan.cuts.length === 0 ? scan.body : Buffer.concat(spliced(scan.body, scan.cuts));
  return JSON.parse(body.toString("utf8"));
}

function modelSplice(scan: BodyScan, model: string): Splice {
  const value = JSON.stringify(model);
  return scan.modelSpan === null ? insertion(scan, `"model":${value}`) : { ...scan.modelSpan, text: value };
}

/** A stream's usage is asked for where the caller has not done so. */
export function usageSplices(scan: BodyScan): readonly Splice[] {
  if (!scan.stream || scan.includeUsage) return [];
  const span = scan.streamOptionsSpan;
  if (span === null) return [insertion(scan, `"stream_options":{"include_usage":true}`)];
  const options: unknown = JSON.parse(scan.body.toString("utf8", span.start, span.end));
  const kept = typeof options === "object" && options !== null && !Array.isArray(options) ? options : {};
  return [{ ...span, text: JSON.stringify({ ...kept, include_usage: true }) }];
}

/** A first member of the object. */
function insertion(scan: BodyScan, member: string): Splice {
  return { start: scan.inside, end: scan.inside, text: scan.empty ? member : `${member},` };
}

function spliced(body: Buffer, splices: readonly Splice[]): Uint8Array[] {
  const ordered = splices.toSorted((one, other) => one.start - other.start || one.end - other.end);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const splice of ordered) {
    parts.push(body.subarray(from, splice.start), Buffer.from(splice.text));
    from = splice.end;
  }
  parts.push(body.subarray(from));
  return parts;
}
