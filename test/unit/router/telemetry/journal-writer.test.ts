import { readdirSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { expect, test, vi } from "vitest";
import type { JournalRecord } from "../../../../router/core/journal/segment.ts";
import type { RouterCommand } from "../../../../router/core/messages.ts";
import { Router } from "../../../../router/core/router.ts";
import { instantAt } from "../../../../router/core/time.ts";
import { type JournalOptions, JournalWriter } from "../../../../router/telemetry/journal/journal-writer.ts";
import { readSegments, replayed } from "../../../support/replayed.ts";
import { fixtureConfig, fixtureRequest } from "../../../support/router-fixture.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const config = fixtureConfig({ deployments: [{ endpoints: 2 }] });

function start(options: Partial<JournalOptions>) {
  const folder = path.join(temporaryFolder(), "journal");
  const core = new Router(config, { seed: 1, explain: false });
  const journal = new JournalWriter({ folder, headgate: "test", seed: 1, explain: false, config, snapshot: () => core.snapshot(), ...options });
  let serial = 0;
  /** A request comes, or one that is open is left. */
  const play = (count: number): void => {
    for (let left = count; left > 0; left -= 1) {
      const at = instantAt(serial * 1000);
      const event: Extract<JournalRecord, { kind: "event" }>["event"] = { kind: "request-arrived", request: fixtureRequest(serial, serial) };
      journal.record({ kind: "event", at, event });
      core.handle(event, at, { emit: (command: RouterCommand, instant) => journal.record({ kind: "command", at: instant, command }) });
      serial += 1;
    }
  };
  return { folder, journal, play };
}

test("segments follow each other at their size, each from a snapshot; the oldest go", async () => {
  const { folder, journal, play } = start({ segmentBytesMax: 2000, segmentsMax: 3 });
  for (let round = 0; round < 40; round += 1) {
    play(20);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await journal.close();
  expect(journal.counts.segments).toBeGreaterThan(5);
  expect(readdirSync(folder)).toHaveLength(3);
  for (const segment of replayed(folder)) expect(segment).toMatchObject({ torn: null, difference: null });
  expect(readSegments(folder).at(-1)?.head.snapshot.requests.length).toBeGreaterThan(300);
});

test("what does not fit is dropped and counted, and what is there replays", async () => {
  const { folder, journal, play } = start({ waitingMax: 100 });
  play(400);
  expect(journal.counts.dropped).toBeGreaterThan(600);
  await new Promise((resolve) => setTimeout(resolve, 20));
  play(10);
  await journal.close();
  const segments = readSegments(folder);
  expect(segments.map(({ head }) => head.dropped)).toEqual([0, journal.counts.dropped]);
  expect(journal.counts.written).toBe(segments.reduce((sum, { records }) => sum + records.length, 0));
  for (const segment of replayed(folder)) expect(segment.difference).toBeNull();
});

test("a disk that refuses costs nothing but the journal", async () => {
  const troubles: string[] = [];
  const { journal, folder, play } = start({ onTrouble: (message) => troubles.push(message) });
  rmSync(folder, { recursive: true });
  play(50);
  await journal.close();
  expect(troubles).toHaveLength(1);
  expect(journal.counts).toMatchObject({ written: 0 });
  expect(journal.counts.dropped).toBe(100);
});

test("a disk that is full while what has come is put away costs nothing but the journal", async () => {
  const troubles: string[] = [];
  const { journal, folder, play } = start({ onTrouble: (message) => troubles.push(message) });
  const probe = await open(path.join(folder, "probe"), "w");
  const handles = Object.getPrototypeOf(probe) as Pick<FileHandle, "appendFile">;
  await probe.close();
  const full = vi.spyOn(handles, "appendFile").mockRejectedValue(Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }));
  play(5);
  await expect.poll(() => troubles).toEqual([expect.stringContaining("ENOSPC")]);
  full.mockRestore();
  expect(journal.counts).toMatchObject({ written: 0, dropped: 10 });
  await journal.close();
});
