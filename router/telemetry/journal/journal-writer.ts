/**
 * Writes a core's journal beside the service. What goes in and out of the core is only put into a list while a request is at work; it is encoded and written
 * afterwards, a slice at a time. The list, the bytes on their way to the disk, a segment and the number of segments that are kept all have bounds.
 *
 * When the list is full, or the disk refuses, the segment ends where it is, inputs are dropped and counted, and the next segment begins with a snapshot as soon as there
 * is room: every segment that is there replays.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import path from "node:path";
import { performance } from "node:perf_hooks";
import type { CompiledConfig } from "../../core/compiled-config.ts";
import { type JournalRecord, type SegmentEnd, type SegmentHead, SegmentWriter } from "../../core/journal/segment.ts";
import type { RouterSnapshot } from "../../core/router.ts";

const journalEnding = ".hgj";

export interface JournalOptions {
  readonly folder: string;
  readonly headgate: string;
  readonly seed: number;
  readonly explain: boolean;
  readonly config: CompiledConfig;
  /** Of the core as it is now; asked for between two of its calls only. */
  readonly snapshot: () => RouterSnapshot;
  /** Bytes after which a segment is followed by the next. */
  readonly segmentBytesMax?: number;
  /** Segments of this process that are kept; the oldest go first. */
  readonly segmentsMax?: number;
  /** Inputs and commands that wait to be encoded. */
  readonly waitingMax?: number;
  readonly onTrouble?: (message: string) => void;
}

export interface JournalCounts {
  readonly written: number;
  readonly dropped: number;
  readonly segments: number;
}

type Item = { readonly kind: "begin"; readonly head: SegmentHead } | { readonly kind: "end"; readonly how: SegmentEnd } | JournalRecord;

const sliceMax = 256;
const restMs = 1000;
const chunkBytes = 64 * 1024;

export class JournalWriter {
  readonly #options: Required<JournalOptions>;
  readonly #name: string;
  #waiting: Item[] = [];
  #scheduled = false;
  #work: Promise<void> = Promise.resolve();
  #segment: SegmentWriter | null = null;
  #file: FileHandle | null = null;
  #files: string[] = [];
  #chunks: Uint8Array[] = [];
  #chunked = 0;
  /** Records among the chunks: written when these are. */
  #chunkedRecords = 0;
  #segmentBytes = 0;
  /** The segment that is being written is large enough: the next event ends it and begins another. */
  #ending = false;
  #full = false;
  /** On performance.now(): after trouble the disk is left alone until then. */
  #restUntilMs = 0;
  /** No segment is open for what comes next: the next event begins one. */
  #due = true;
  #number = 0;
  #written = 0;
  #dropped = 0;

  /** @throws Error when the folder cannot be made or read */
  constructor(options: JournalOptions, startedAt: Date = new Date()) {
    this.#options = { segmentBytesMax: 16 * 1024 * 1024, segmentsMax: 64, waitingMax: 32_768, onTrouble: () => undefined, ...options };
    mkdirSync(options.folder, { recursive: true });
    readdirSync(options.folder);
    this.#name = `${startedAt.toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${process.pid}`;
  }

  get counts(): JournalCounts {
    return { written: this.#written, dropped: this.#dropped, segments: this.#number };
  }

  /** An event before the core handles it, a command before it is carried out. */
  record(record: JournalRecord): void {
    if (this.#due) {
      if (record.kind !== "event" || !this.#hasRoom()) {
        // What came of deadlines before the first input is in the first segment's snapshot.
        if (record.kind === "event" || this.#number > 0) this.#dropped += 1;
        return;
      }
      this.#begin();
    } else if (this.#full && record.kind === "event") {
      this.#end("complete");
      this.#begin();
    }
    if (this.#waiting.length >= this.#options.waitingMax) {
      this.#dropped += 1;
      this.#end("inputs-dropped");
      return;
    }
    this.#waiting.push(record);
    this.#schedule();
  }

  /** Everything that was taken is on disk. */
  async close(): Promise<void> {
    if (!this.#due) this.#end("complete");
    this.#schedule();
    while (this.#scheduled) await this.#work;
  }

  /** A full list is first worked down, or the next segment would end at once. */
  #hasRoom(): boolean {
    return this.#waiting.length < this.#options.waitingMax / 2 && performance.now() >= this.#restUntilMs;
  }

  #begin(): void {
    const { headgate, seed, explain, config, snapshot } = this.#options;
    this.#waiting.push({ kind: "begin", head: { headgate, number: this.#number, dropped: this.#dropped, seed, explain, config, snapshot: snapshot() } });
    this.#number += 1;
    this.#due = false;
    this.#full = false;
  }

  #end(how: SegmentEnd): void {
    this.#waiting.push({ kind: "end", how });
    this.#due = true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#work = new Promise((resolve) => {
      setImmediate(() => void this.#workOff().finally(resolve));
    });
  }

  async #workOff(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        for (const item of this.#waiting.splice(0, sliceMax)) await this.#orAbandon(async () => this.#encode(item));
        await this.#orAbandon(async () => this.#flush());
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      this.#scheduled = false;
    }
  }

  /** The disk may refuse each of its steps. */
  async #orAbandon(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#options.onTrouble(`the journal cannot be written: ${error instanceof Error ? error.message : String(error)}`);
      this.#abandon();
    }
  }

  async #encode(item: Item): Promise<void> {
    if (item.kind === "begin") {
      this.#segment = new SegmentWriter(item.head);
      this.#segmentBytes = 0;
      this.#ending = false;
      const file = path.join(this.#options.folder, `${this.#name}-${String(item.head.number).padStart(6, "0")}${journalEnding}`);
      this.#file = await open(file, "wx");
      this.#files.push(file);
      await this.#forgetOldest();
      await this.#add(this.#segment.begin());
    } else if (this.#segment === null) {
      // Of a segment that could not be written: lost, as everything until the next one.
      if (item.kind !== "end") this.#dropped += 1;
    } else if (item.kind === "end") {
      await this.#add(this.#segment.end(item.how));
      await this.#closeFile();
    } else {
      this.#chunkedRecords += 1;
      await this.#add(this.#segment.record(item));
      if (this.#segmentBytes < this.#options.segmentBytesMax || this.#ending) return;
      this.#ending = true;
      this.#full = true;
    }
  }

  async #add(bytes: Uint8Array): Promise<void> {
    this.#chunks.push(bytes);
    this.#chunked += bytes.length;
    this.#segmentBytes += bytes.length;
    if (this.#chunked >= chunkBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#file === null || this.#chunked === 0) return;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#chunked = 0;
    // Writes all of it, where `write` may leave a rest behind on a disk that is nearly full.
    await this.#file.appendFile(bytes);
    this.#written += this.#chunkedRecords;
    this.#chunkedRecords = 0;
  }

  async #closeFile(): Promise<void> {
    await this.#flush();
    await this.#file?.close();
    this.#file = null;
    this.#segment = null;
  }

  #abandon(): void {
    const file = this.#file;
    this.#restUntilMs = performance.now() + restMs;
    this.#file = null;
    this.#segment = null;
    this.#chunks = [];
    this.#chunked = 0;
    this.#dropped += this.#chunkedRecords;
    this.#chunkedRecords = 0;
    if (file !== null) void file.close().catch(() => undefined);
    // What waits belongs to the segment that is lost; an end in the list closes nothing.
    if (!this.#due) this.#end("inputs-dropped");
  }

  async #forgetOldest(): Promise<void> {
    while (this.#files.length > this.#options.segmentsMax) {
      const oldest = this.#files.shift();
      if (oldest !== undefined) await unlink(oldest).catch(() => undefined);
    }
  }
}
