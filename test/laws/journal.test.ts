import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replaySegment } from "../../router/core/journal/replay-segment.ts";
import { type JournalRecord, readSegment, SegmentWriter } from "../../router/core/journal/segment.ts";
import type { RouterCommand } from "../../router/core/messages.ts";
import { Router } from "../../router/core/router.ts";
import { fixtureConfig } from "../support/router-fixture.ts";
import { anyRouterMove, laterThanAll, resolveRouterMoves } from "../support/router-history.ts";

const config = fixtureConfig({ deployments: [{ endpoints: 2, concurrencyMax: 2 }, { weight: 3 }], strategy: "weighted", breaker: { failures: 2, probes: 1 } });
const options = { seed: 5, explain: true };
const moves = fc.array(anyRouterMove, { maxLength: 60 });

function bytesOf(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** One segment from the record at `cut` on; its snapshot is the core's after what lies before. */
function segmentFrom(records: readonly JournalRecord[], cut: number): Uint8Array[] {
  const router = new Router(config, options);
  for (const record of records.slice(0, cut)) if (record.kind === "event") router.handle(record.event, record.at, { emit: () => undefined });
  const writer = new SegmentWriter({ headgate: "test", number: 0, dropped: 0, ...options, config, snapshot: router.snapshot() });
  return [writer.begin(), ...records.slice(cut).map((record) => writer.record(record)), writer.end("complete")];
}

/** As a driver sees them: each event, then what follows from it. */
function history(list: Parameters<typeof resolveRouterMoves>[1]): JournalRecord[] {
  const { events, commands } = resolveRouterMoves(new Router(config, options), list);
  const router = new Router(config, options);
  const records: JournalRecord[] = [];
  const out = { emit: (command: RouterCommand, at: JournalRecord["at"]) => void records.push({ kind: "command", at, command: structuredClone(command) }) };
  for (const { event, at } of events) {
    records.push({ kind: "event", at, event });
    router.handle(event, at, out);
  }
  const at = laterThanAll(commands, events);
  records.push({ kind: "wake", at });
  router.wake(at, out);
  return records;
}

describe("a journal", () => {
  test("I10: from any event on, its inputs give the same commands at the same instants", () => {
    fc.assert(
      fc.property(moves, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const records = history(list);
        const places = records.flatMap(({ kind }, place) => (kind === "event" ? [place] : []));
        const cut = places[Math.floor(share * places.length)] ?? 0;
        const segment = readSegment(bytesOf(segmentFrom(records, cut)));
        expect(segment.records).toEqual(records.slice(cut));
        expect(replaySegment(segment)).toMatchObject({ difference: null, events: places.filter((place) => place >= cut).length });
      }),
    );
  });

  test("cut off anywhere, what is there replays", () => {
    fc.assert(
      fc.property(moves, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const [head = new Uint8Array(), ...rest] = segmentFrom(history(list), 0);
        const after = bytesOf(rest);
        const segment = readSegment(bytesOf([head, after.subarray(0, Math.floor(share * (after.length - 1)))]));
        expect(segment.torn).not.toBeNull();
        expect(replaySegment(segment).difference).toBeNull();
      }),
    );
  });

  test("a planted difference is named: a command that the core never gave, one that is missing, one that is changed", () => {
    fc.assert(
      fc.property(moves, fc.nat(), fc.constantFrom("change", "remove", "double"), (list, which, how) => {
        const records = history(list);
        const places = records.flatMap(({ kind }, place) => (kind === "command" ? [place] : []));
        const place = places[which % Math.max(1, places.length)];
        fc.pre(place !== undefined);
        const planted = records[place ?? 0];
        if (planted?.kind !== "command") return;
        // What a deadline of the last instant would have said may be missing: the journal ended before it was carried out.
        fc.pre(how !== "remove" || planted.at < Math.max(...records.map(({ at }) => at)));
        const changed = { ...planted, command: { ...planted.command, planted: true } };
        const plantedRecords =
          how === "change"
            ? records.with(place ?? 0, changed)
            : how === "remove"
              ? records.toSpliced(place ?? 0, 1)
              : records.toSpliced(place ?? 0, 0, planted);
        const { difference } = replaySegment(readSegment(bytesOf(segmentFrom(plantedRecords, 0))));
        expect(difference).not.toBeNull();
        if (how === "change") expect(difference?.command).toBe(places.indexOf(place ?? 0) + 1);
      }),
    );
  });

  test("a damaged byte is noticed", () => {
    const records = history(fc.sample(moves, { seed: 3, numRuns: 20 }).reduce((one, other) => (one.length > other.length ? one : other)));
    const parts = segmentFrom(records, 0);
    const bytes = bytesOf(parts);
    const place = (parts[0]?.length ?? 0) + 9;
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    expect(readSegment(bytes).torn).toMatch(/damaged|cut off/);
    expect(() => readSegment(Uint8Array.from([1, 2, 3]))).toThrow("does not begin as a segment");
  });
});
