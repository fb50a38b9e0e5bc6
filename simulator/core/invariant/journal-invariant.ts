/**
 * I10: replaying a journal reproduces the decisions. Keeps what goes in and out of each core, as segments that begin with a snapshot, and replays each as soon as it is
 * full, so that what is kept has a bound.
 */
import { present } from "../../../router/core/assert.ts";
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { RouterOptions } from "../../../router/core/core.ts";
import { replaySegment } from "../../../router/core/journal/replay-segment.ts";
import type { JournalRecord, SegmentHead } from "../../../router/core/journal/segment.ts";
import type { Instant, Restorable } from "../../../router/core/machine.ts";
import type { RouterCommand, RouterEvent } from "../../../router/core/messages.ts";
import type { RouterSnapshot } from "../../../router/core/router.ts";
import type { RouterWatch } from "../router-watch.ts";
import type { Violation } from "./violation.ts";

const recordsMax = 400;

interface Watched {
  readonly router: Restorable<RouterSnapshot>;
  readonly options: RouterOptions;
  head: SegmentHead | null;
  records: JournalRecord[];
}

export class JournalInvariant implements RouterWatch {
  readonly #config: CompiledConfig;
  readonly #watched: Watched[] = [];
  readonly #violations: Violation[] = [];

  constructor(config: CompiledConfig) {
    this.#config = config;
  }

  attach(router: Restorable<RouterSnapshot>, options: RouterOptions, replica: number): void {
    const before = this.#watched[replica];
    if (before !== undefined) this.#replay(before, replica);
    this.#watched[replica] = { router, options, head: null, records: [] };
  }

  event(event: RouterEvent, at: Instant, replica: number): void {
    this.#input({ kind: "event", at, event }, replica);
  }

  command(command: RouterCommand, at: Instant, replica: number): void {
    present(this.#watched[replica], "the replica").records.push({ kind: "command", at, command });
  }

  wake(at: Instant, replica: number): void {
    this.#input({ kind: "wake", at }, replica);
  }

  #input(record: JournalRecord, replica: number): void {
    const watched = present(this.#watched[replica], "the replica");
    if (watched.records.length >= recordsMax) this.#replay(watched, replica);
    watched.head ??= { headgate: "", number: 0, dropped: 0, ...watched.options, config: this.#config, snapshot: watched.router.snapshot() };
    watched.records.push(record);
  }

  finished(): readonly Violation[] {
    for (const [replica, watched] of this.#watched.entries()) this.#replay(watched, replica);
    return this.#violations;
  }

  #replay(watched: Watched, replica: number): void {
    const { head, records } = watched;
    watched.head = null;
    watched.records = [];
    if (head === null) return;
    const { difference } = replaySegment({ head, records, torn: null });
    if (difference === null) return;
    const { recorded, replayed } = difference;
    const at = (recorded ?? replayed)?.at ?? head.snapshot.now;
    const shown = (command: typeof recorded): string => (command === null ? "nothing" : `${command.command.kind} at ${command.at}`);
    this.#violations.push({ invariant: "I10", at, what: `replica ${replica} said ${shown(recorded)}, its replay ${shown(replayed)}` });
  }
}
