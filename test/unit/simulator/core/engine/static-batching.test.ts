import { expect, test } from "vitest";
import { EnginePlay, smallSpec } from "../../../../support/engine-play.ts";

const spec = smallSpec({ blocks: 129, sequencesMax: 8 }, { batching: "static", scheduling: { perStepUs: 0, perSequenceUs: 0 } });

test("static batching: nothing joins until the last of the batch has ended", () => {
  const play = new EnginePlay(spec);
  const short = play.submit(100, 2);
  const long = play.submit(400, 6);
  play.until(1500);
  const late = play.submit(10, 1);
  play.finish();
  expect(play.times("end-sequence", short)).toEqual([2000]);
  expect(play.times("end-sequence", long)).toEqual([6000]);
  expect(play.times("start-sequence", late)).toEqual([6000]);
});

test("static batching: every sequence reserves the whole context, so that 128 blocks hold four of 512 tokens", () => {
  const play = new EnginePlay(spec);
  const ids = Array.from({ length: 6 }, () => play.submit(10, 3));
  play.until(100);
  expect(play.engine.observe(100 as never)).toMatchObject({ running: 4, waiting: 2, blocksUsed: 128 });
  play.finish();
  expect(ids.map((id) => play.times("start-sequence", id)[0])).toEqual([0, 0, 0, 0, 3000, 3000]);
});
