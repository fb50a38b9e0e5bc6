import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import { inSlices } from "../../../../router/http/in-slices.ts";

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function keepBusy(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test("long works are done in order, one in a turn of the event loop, none at once", async () => {
  const done: number[] = [];
  for (const place of [0, 1, 2]) {
    inSlices(() => {
      keepBusy(1.1);
      done.push(place);
    });
  }
  expect(done).toEqual([]);
  for (const soFar of [[0], [0, 1], [0, 1, 2]]) {
    await turn();
    expect(done).toEqual(soFar);
  }
});

test("a work may put off more, which comes behind all others", async () => {
  const done: string[] = [];
  inSlices(() => {
    done.push("first");
    inSlices(() => done.push("more"));
  });
  inSlices(() => done.push("second"));
  while (done.length < 3) await turn();
  expect(done).toEqual(["first", "second", "more"]);
});
