import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { LineSink } from "../../../../router/telemetry/line-sink.ts";
import { until } from "../../../support/loop-time.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

function fileSink(): { sink: LineSink; file: string; descriptor: number } {
  const file = path.join(temporaryFolder({}), "lines");
  const descriptor = openSync(file, "w");
  return { sink: new LineSink(descriptor), file, descriptor };
}

test("lines leave in their order, as text and as bytes, longer than a batch too; what waits at the end is flushed", async () => {
  const { sink, file, descriptor } = fileSink();
  const lines = Array.from({ length: 3000 }, (_, place) => `${place} ${"ü".repeat(place % 97)}\n`);
  lines.splice(1500, 0, `${"long ".repeat(40_000)}\n`);
  for (const [place, line] of lines.entries()) {
    if (place % 2 === 0) sink.write(line);
    else sink.writeBytes(Buffer.concat([Buffer.from(line), Buffer.from("not this")]), Buffer.byteLength(line));
    if (place % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => readFileSync(file).length > 200_000, 5000);
  await sink.flush();
  expect(readFileSync(file, "utf8")).toBe(lines.join(""));
  expect(sink.dropped).toBe(0);
  closeSync(descriptor);
});

test("what is being written when the end comes is written once, and the process waits for it", async () => {
  for (let round = 0; round < 50; round += 1) {
    const { sink, file, descriptor } = fileSink();
    const lines = Array.from({ length: 300 }, (_, place) => `${place} ${"x".repeat(400)}\n`);
    for (const line of lines) sink.write(line);
    await sink.flush();
    expect(readFileSync(file, "utf8") === lines.join("")).toBe(true);
    closeSync(descriptor);
  }
});

test("a line that nothing follows leaves all the same", async () => {
  const { sink, file, descriptor } = fileSink();
  sink.write("one\n");
  await until(() => readFileSync(file, "utf8") === "one\n", 5000);
  sink.write("two\n");
  await until(() => readFileSync(file, "utf8") === "one\ntwo\n", 5000);
  closeSync(descriptor);
});

test.skipIf(!existsSync("/dev/full"))("a disk that is full costs what could not be written, not what comes when there is room again", async () => {
  const descriptor = openSync("/dev/full", "w");
  const sink = new LineSink(descriptor);
  sink.write("lost\n");
  await until(() => sink.dropped === 1, 5000);
  closeSync(descriptor);
  const file = path.join(temporaryFolder({}), "lines");
  // The lowest number that is free is the one that was given back.
  expect(openSync(file, "w")).toBe(descriptor);
  sink.write("kept\n");
  await sink.flush();
  expect([readFileSync(file, "utf8"), sink.dropped]).toEqual(["kept\n", 1]);
  closeSync(descriptor);
});

test("a sink that is gone takes nothing more, and what it loses is counted", async () => {
  const { sink, descriptor } = fileSink();
  closeSync(descriptor);
  sink.write("lost\n");
  await until(() => sink.dropped === 1, 5000);
  sink.write("lost too\n");
  expect(sink.dropped).toBe(2);
  await sink.flush();
});
