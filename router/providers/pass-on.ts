import type { BodyScan } from "./body-scan.ts";
import { partsOf, type SentBody, type Splice } from "./sent-body.ts";
import { isFields } from "../core/fields.ts";

const plainHeaders = ["content-type", "application/json", "accept", "application/json", "accept-encoding", "identity"];
const streamHeaders = ["content-type", "application/json", "accept", "text/event-stream", "accept-encoding", "identity"];

export const bodyHeaders = (stream: boolean): readonly string[] => (stream ? streamHeaders : plainHeaders);

/** The caller's bytes with another model name, without what was meant for the router, and with what `splices` say. */
export function passedBody(scan: BodyScan, model: string, splices: readonly Splice[]): SentBody {
  const { body, cuts } = scan;
  const named = scan.modelSpan !== null && scan.model === model ? null : modelSplice(scan, model);
  if (cuts.length === 0 && splices.length === 0) return { source: body, splices: named === null ? splices : [named] };
  if (named === null && cuts.length === 0 && splices.length === 1) return { source: body, splices };
  return { source: body, splices: inOrder(named === null ? [...cuts, ...splices] : [named, ...cuts, ...splices]) };
}

/** The body as the caller's dialect has it, without what was meant for the router. */
export function ownFields({ body, cuts }: BodyScan): unknown {
  const own = cuts.length === 0 ? body : Buffer.concat(partsOf({ source: body, splices: inOrder(cuts) }));
  return JSON.parse(own.toString("utf8"));
}

const quotedMax = 1000;
/** Names of configured models, as JSON. */
const quoted = new Map<string, Uint8Array>();

function quotedModel(model: string): Uint8Array {
  let bytes = quoted.get(model);
  if (bytes === undefined) {
    bytes = Buffer.from(JSON.stringify(model));
    if (quoted.size < quotedMax) quoted.set(model, bytes);
  }
  return bytes;
}

function modelSplice(scan: BodyScan, model: string): Splice {
  const { modelSpan } = scan;
  if (modelSpan === null) return insertion(scan, Buffer.from(`"model":${JSON.stringify(model)}`));
  return { start: modelSpan.start, end: modelSpan.end, bytes: quotedModel(model) };
}

const noSplices: readonly Splice[] = [];
const usageOption = Buffer.from(`"stream_options":{"include_usage":true}`);

/** A stream's usage is asked for where the caller has not done so. */
export function usageSplices(scan: BodyScan): readonly Splice[] {
  if (!scan.stream || scan.includeUsage) return noSplices;
  const span = scan.streamOptionsSpan;
  if (span === null) return [insertion(scan, usageOption)];
  const options: unknown = JSON.parse(scan.body.toString("utf8", span.start, span.end));
  const kept = isFields(options) ? options : {};
  return [{ ...span, bytes: Buffer.from(JSON.stringify({ ...kept, include_usage: true })) }];
}

/** A first member of the object. */
function insertion({ inside, empty }: BodyScan, member: Uint8Array): Splice {
  return { start: inside, end: inside, bytes: empty ? member : Buffer.concat([member, comma]) };
}
const comma = Buffer.from(",");

function inOrder(splices: readonly Splice[]): readonly Splice[] {
  return splices.toSorted((one, other) => one.start - other.start || one.end - other.end);
}
