import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Replay, replaySegment } from "../../router/core/journal/replay-segment.ts";
import { readSegment, type Segment } from "../../router/core/journal/segment.ts";

/** A folder's segments, in order. */
export function readSegments(folder: string): Segment[] {
  return readdirSync(folder)
    .toSorted()
    .map((file) => readSegment(readFileSync(path.join(folder, file))));
}

export function replayed(folder: string): (Replay & { readonly torn: string | null })[] {
  return readSegments(folder).map((segment) => ({ ...replaySegment(segment), torn: segment.torn }));
}
