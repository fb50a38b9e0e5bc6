import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { readSegment, SegmentWriter } from "../../router/core/journal/segment.ts";
import { headgate } from "../support/headgate.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("simulate --journal, journal replay, journal show: the same, the first difference named, what is no journal refused", () => {
  const folder = temporaryFolder();
  const journal = path.join(folder, "journal");
  expect(headgate(["simulate", "scenarios/demo.yaml", "--journal", journal]).status).toBe(0);
  const file = path.join(journal, "seed-1-replica-0-000000.hgj");
  const same = headgate(["journal", "replay", file]);
  expect([same.status, same.stdout]).toEqual([0, expect.stringMatching(/: \d{4} events, \d{4} commands, all the same\n$/)]);
  expect(headgate(["journal", "show", file]).stdout.split("\n")[1]).toContain('"kind":"request-arrived"');

  const { head, records } = readSegment(readFileSync(file));
  const place = records.findIndex((record, index) => index > 200 && record.kind === "command" && record.command.kind === "start-attempt");
  const planted = records[place];
  if (planted?.kind !== "command" || planted.command.kind !== "start-attempt") throw new Error("there is no attempt to change");
  const changed = { ...planted, command: { ...planted.command, endpoint: ((planted.command.endpoint + 1) % 3) as typeof planted.command.endpoint } };
  const writer = new SegmentWriter(head);
  const other = path.join(folder, "planted.hgj");
  writeFileSync(other, Buffer.concat([writer.begin(), ...records.with(place, changed).map((record) => writer.record(record)), writer.end("complete")]));
  const differs = headgate(["journal", "replay", other, "--json"]);
  expect(differs.status).toBe(1);
  const { segments } = JSON.parse(differs.stdout) as {
    segments: { difference: { recorded: { at: number; command: unknown }; replayed: { command: unknown } } }[];
  };
  expect(segments[0]?.difference.recorded).toMatchObject({ at: changed.at, command: changed.command });
  expect(segments[0]?.difference.replayed.command).toEqual(planted.command);

  const wrong = headgate(["journal", "replay", "scenarios/demo.yaml"]);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("does not begin as a segment of a journal")]);
});
