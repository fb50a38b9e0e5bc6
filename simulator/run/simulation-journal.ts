import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { headgateVersion } from "../../router/config/project-root.ts";
import { present } from "../../router/core/assert.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { RouterOptions } from "../../router/core/core.ts";
import { type JournalRecord, SegmentWriter } from "../../router/core/journal/segment.ts";
import type { Instant, Restorable } from "../../router/core/machine.ts";
import type { RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import type { RouterSnapshot } from "../../router/core/router.ts";
import type { RouterWatch } from "../core/router-watch.ts";

const segmentBytesMax = 16 * 1024 * 1024;
const chunkBytes = 256 * 1024;

interface Watched {
  readonly router: Restorable<RouterSnapshot>;
  readonly options: RouterOptions;
  segment: OpenSegment | null;
  number: number;
}

interface OpenSegment {
  readonly file: number;
  readonly writer: SegmentWriter;
  readonly chunks: Uint8Array[];
  chunked: number;
  bytes: number;
}

/** The journals of a simulated run, one per replica: `seed-1-replica-0-000000.hgj` and so on. Nothing is dropped: virtual time waits for the disk. */
export class SimulationJournal implements RouterWatch {
  readonly #folder: string;
  readonly #config: CompiledConfig;
  readonly #name: string;
  readonly #watched: Watched[] = [];

  constructor(folder: string, config: CompiledConfig, name: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#config = config;
    this.#name = name;
  }

  attach(router: Restorable<RouterSnapshot>, options: RouterOptions, replica: number): void {
    const before = this.#watched[replica];
    if (before !== undefined) this.#end(before);
    this.#watched[replica] = { router, options, segment: null, number: before?.number ?? 0 };
  }

  event(event: RouterEvent, at: Instant, replica: number): void {
    const watched = present(this.#watched[replica], "the replica");
    // Only before an event is the core's state one that its events alone lead on from.
    if (watched.segment !== null && watched.segment.bytes >= segmentBytesMax) this.#end(watched);
    watched.segment ??= this.#begin(watched, replica);
    this.#record(watched.segment, { kind: "event", at, event });
  }

  command(command: RouterCommand, at: Instant, replica: number): void {
    const { segment } = present(this.#watched[replica], "the replica");
    this.#record(present(segment, "a segment: nothing happens before the first event"), { kind: "command", at, command });
  }

  wake(at: Instant, replica: number): void {
    const { segment } = present(this.#watched[replica], "the replica");
    if (segment !== null) this.#record(segment, { kind: "wake", at });
  }

  close(): void {
    for (const watched of this.#watched) this.#end(watched);
  }

  #begin(watched: Watched, replica: number): OpenSegment {
    const { router, options, number } = watched;
    const file = openSync(join(this.#folder, `${this.#name}-replica-${replica}-${String(number).padStart(6, "0")}.hgj`), "w");
    const head = { headgate: headgateVersion(), number, dropped: 0, ...options, config: this.#config, snapshot: router.snapshot() };
    const writer = new SegmentWriter(head);
    const segment: OpenSegment = { file, writer, chunks: [], chunked: 0, bytes: 0 };
    this.#add(segment, writer.begin());
    watched.number += 1;
    return segment;
  }

  #record(segment: OpenSegment, record: JournalRecord): void {
    this.#add(segment, segment.writer.record(record));
  }

  #end(watched: Watched): void {
    const { segment } = watched;
    if (segment === null) return;
    this.#add(segment, segment.writer.end("complete"));
    this.#flush(segment);
    closeSync(segment.file);
    watched.segment = null;
  }

  #add(segment: OpenSegment, bytes: Uint8Array): void {
    segment.chunks.push(bytes);
    segment.chunked += bytes.length;
    segment.bytes += bytes.length;
    if (segment.chunked >= chunkBytes) this.#flush(segment);
  }

  #flush(segment: OpenSegment): void {
    writeSync(segment.file, Buffer.concat(segment.chunks));
    segment.chunks.length = 0;
    segment.chunked = 0;
  }
}
