import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { IssuedIdsStore, type StoredId } from "../../../../router/http/issued-ids-store.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const stored = (place: number): StoredId => ({ id: `resp_${place}`, endpoint: "https://a m env:KEY", route: "chat", tenant: "red" });
const ids = (taken: readonly StoredId[]): readonly string[] => taken.map(({ id }) => id);
const fail = (message: string): never => expect.fail(message);

test("what was noted is there again, in its order, also after a second restart", async () => {
  const folder = path.join(temporaryFolder(), "not/there/yet");
  const first = new IssuedIdsStore(folder, fail);
  expect(first.takeOver()).toEqual([]);
  for (const place of [1, 2, 3]) first.note(stored(place));
  await first.close();
  const second = new IssuedIdsStore(folder, fail);
  expect(second.takeOver()).toEqual([stored(1), stored(2), stored(3)]);
  second.note(stored(4));
  await second.close();
  const third = new IssuedIdsStore(folder, fail);
  expect(ids(third.takeOver())).toEqual(["resp_1", "resp_2", "resp_3", "resp_4"]);
  await third.close();
});

test("a torn line, and what is none, are passed over", async () => {
  const folder = temporaryFolder();
  const store = new IssuedIdsStore(folder, fail);
  store.note(stored(1));
  await store.close();
  appendFileSync(path.join(folder, "issued-ids.1.jsonl"), '\n42\n{"id":7}\n{"id":"resp_2","endpoint":"https://a');
  const next = new IssuedIdsStore(folder, fail);
  expect(ids(next.takeOver())).toEqual(["resp_1"]);
  await next.close();
});

test("its size is bounded: two files of so many lines, the oldest ids forgotten", async () => {
  const folder = temporaryFolder();
  const store = new IssuedIdsStore(folder, fail, 10);
  for (let place = 0; place < 100; place += 1) {
    store.note(stored(place));
    // Files are opened beside the requests, which do not wait for it.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await store.close();
  // A third one where it ended while the next was being opened.
  await expect.poll(() => readdirSync(folder).length).toBeLessThanOrEqual(3);
  const next = new IssuedIdsStore(folder, fail, 10);
  const taken = ids(next.takeOver());
  expect(taken.length).toBeGreaterThanOrEqual(10);
  expect(taken.length).toBeLessThan(60);
  expect(taken).toEqual(taken.map((_, place) => `resp_${100 - taken.length + place}`));
  await next.close();
});

test("a folder that cannot be had is bad input", async () => {
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, "file"), "");
  const [problem] = await problemsOf(() => new IssuedIdsStore(path.join(folder, "file/state"), fail));
  expect(problem).toMatchObject({ field: "state.folder", message: "cannot be read or written to (ENOTDIR)" });
  mkdirSync(path.join(folder, "issued-ids.1.jsonl"));
  const store = new IssuedIdsStore(folder, fail);
  expect(placed(await problemsOf(() => store.takeOver()))).toEqual(["-:- state.folder: cannot be read or written to (EISDIR)"]);
  await store.close();
});
