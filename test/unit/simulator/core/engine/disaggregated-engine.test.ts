import { expect, test } from "vitest";
import type { DisaggregationSpec, EngineOptions } from "../../../../../simulator/core/engine/engine-spec.ts";
import { EnginePlay, smallSpec } from "../../../../support/engine-play.ts";

/** 1 ms for 10 tokens, after 0.5 ms. */
const transfer: DisaggregationSpec = { prefillEngines: 1, decodeEngines: 1, kvBytesPerToken: 100_000, bytesPerSecond: 1e9, latencyUs: 500 };
const apart = (change: Partial<DisaggregationSpec> = {}, options: Partial<EngineOptions> = {}, blocks = 41): EnginePlay =>
  new EnginePlay(smallSpec({ blocks }, { disaggregation: { ...transfer, ...change }, ...options }));
const chain = (blocks: number): Int32Array => Int32Array.from({ length: blocks }, (_, index) => 500 + index);

test("prefill, transfer by bytes and latency, and one decode step for the first token", () => {
  const play = apart();
  const id = play.submit(100, 3);
  play.finish();
  // 1 ms prefill, 0.5 + 10 ms transfer, then a step of 1 ms for each token.
  expect(play.times("emit-tokens", id)).toEqual([12_500, 13_500, 14_500]);
  expect(play.times("end-sequence", id)).toEqual([14_500]);
});

test("transfers into one decode engine come one after the other, into two side by side", () => {
  const firsts = (decodeEngines: number): number[] => {
    const play = apart({ decodeEngines }, { asyncScheduling: false });
    const ids = [play.submit(100, 1), play.submit(100, 1)];
    play.finish();
    return ids.flatMap((id) => play.times("emit-tokens", id));
  };
  expect(firsts(1)).toEqual([12_500, 23_000]);
  expect(firsts(2)).toEqual([12_500, 12_500]);
});

test("what the decode engine has cached is not carried over again", () => {
  const play = apart();
  play.submit(160, 1, { blocks: chain(10) });
  play.until(50_000);
  const again = play.submit(160, 1, { blocks: chain(10) });
  play.finish();
  // 9 of 10 blocks are there on both sides: one block of 16 tokens is carried over in 0.5 + 1.6 ms.
  expect(play.times("emit-tokens", again)).toEqual([50_000 + 1000 + 2100 + 1000]);
  expect(play.cached(again)).toBe(144);
});

test("long decodes are not disturbed by prefills, which is what it is for", () => {
  const gaps = (options: Partial<EngineOptions>): number => {
    const play = new EnginePlay(smallSpec({ step: { perPrefillTokenUs: 50 } }, { asyncScheduling: false, ...options }));
    const id = play.submit(10, 60);
    play.until(30_000);
    play.submit(400, 2);
    play.finish();
    const times = play.times("emit-tokens", id);
    return Math.max(...times.slice(1).map((time, place) => time - (times[place] ?? 0)));
  };
  expect(gaps({})).toBe(21_000);
  expect(gaps({ disaggregation: transfer })).toBe(1000);
});

test("the prefill engine keeps the blocks until they have been read", () => {
  // Each prompt takes 20 of its 33 blocks: the second is let in when the first has been carried over.
  const play = apart({}, { asyncScheduling: false, prefixCaching: false }, 34);
  const first = play.submit(320, 1);
  const second = play.submit(320, 1);
  play.finish();
  expect(play.times("start-sequence", first)).toEqual([0]);
  expect(play.times("start-sequence", second)).toEqual([1000 + 500 + 32_000]);
});

test("an abort during the transfer frees both sides, and the slot can be used again", () => {
  const play = apart();
  const id = play.submit(100, 3);
  play.until(5000);
  expect(play.engine.observe(5000 as never).blocksUsed).toBe(14);
  play.abort(id);
  play.finish();
  expect(play.times("emit-tokens", id)).toEqual([]);
  expect(play.engine.observe(1e6 as never)).toMatchObject({ blocksUsed: 0, running: 0, waiting: 0 });
});

test("what still comes for an aborted sequence is not taken for the next one in its slot", () => {
  const play = apart();
  const id = play.submit(100, 3);
  play.until(5000);
  play.abort(id);
  play.until(6000);
  play.submit(100, 1, { id });
  play.finish();
  // The line is in use until 11.5 ms; then 10.5 ms of its own, and a step.
  expect(play.times("emit-tokens", id)).toEqual([23_000]);
});

test("a decode engine whose only running sequence preempts itself goes on with those whose KV has come", () => {
  const play = new EnginePlay(
    smallSpec({ sequencesMax: 1 }, { disaggregation: { ...transfer, kvBytesPerToken: 1, latencyUs: 5000 }, asyncScheduling: false, prefixCaching: false }),
  );
  // Both come while neither runs, with prompts of 20 and 19 of its 40 blocks: the first needs a 22nd while the second holds its own and waits for the place.
  const first = play.submit(320, 100);
  const second = play.submit(300, 3);
  play.finish();
  expect(play.end(first)).toMatchObject({ reason: "length", outputTokens: 100, preemptions: 1 });
  expect(play.end(second)).toMatchObject({ reason: "length", outputTokens: 3 });
});

test("preemptions on the prefill engine are told of a sequence that is lost there in a crash", () => {
  const play = new EnginePlay(
    smallSpec({ batchedTokensMax: 64 }, { disaggregation: transfer, asyncScheduling: false, reserveFullSequence: false, prefixCaching: false }),
  );
  const ids = [play.submit(400, 1), play.submit(400, 1)];
  for (let step = 0; step < 1000 && play.engine.observe(play.now as never).preemptions === 0; step++) play.until(play.now + 1000);
  play.crash();
  expect(ids.map((id) => play.end(id)?.preemptions)).toEqual([0, 1]);
});
