import { describe, expect, test } from "vitest";
import { createStepTime } from "../../../../../simulator/core/step-time/create-step-time.ts";
import { emptyShape } from "../../../../../simulator/core/step-time/step-range.ts";
import type { PiecewiseSpec } from "../../../../../simulator/core/step-time/step-time-spec.ts";
import { blocksOf, engineProfiles } from "../../../../../simulator/scenario/engine-profile.ts";
import { EnginePlay, smallSpec } from "../../../../support/engine-play.ts";
import { playIterations, request } from "../../../../support/schedule-play.ts";

const chain = (blocks: number, family = 1): Int32Array => Int32Array.from({ length: blocks }, (_, index) => 1000 * family + index);

describe("traps that other simulators fell into", () => {
  test("1. time passes between steps: scheduling shows where it is not hidden", () => {
    const cost = { scheduling: { perStepUs: 126, perSequenceUs: 4 } };
    const sync = new EnginePlay(smallSpec({}, { ...cost, asyncScheduling: false }));
    const id = sync.submit(10, 3);
    sync.finish();
    expect(sync.times("emit-tokens", id)).toEqual([1130, 2260, 3390]);
    const async = new EnginePlay(smallSpec({}, cost));
    const other = async.submit(10, 3);
    async.finish();
    expect(async.times("emit-tokens", other)).toEqual([1000, 2000, 3000]);
  });

  test("2. no watermark: the last free block can be taken by an admission", () => {
    const lines = playIterations({ num_gpu_blocks: 33 }, [request(0, 250, 4), request(1, 250, 4)], 2);
    // 16 blocks each of 32: V0's 1 % would have kept the second out.
    expect(lines[1]?.r).toEqual([0, 1]);
    expect(lines[1]?.f1).toBe(0);
  });

  test("3. the tail of the running list is preempted, not the oldest", () => {
    const lines = playIterations({ num_gpu_blocks: 33 }, [request(0, 255, 40), request(1, 255, 40)], 8);
    expect(lines.flatMap((line) => line.pr ?? [])).toEqual([1]);
  });

  test("4. a running request does not look the prefix cache up again", () => {
    const shared = [7, 20];
    // The second is cut in chunks while the first, of the same contents, computes on: it keeps computing what it did not hit when it came.
    const lines = playIterations({ max_num_batched_tokens: 64 }, [request(0, 300, 4, { b: shared }), request(1, 300, 4, { b: shared, at: 2 })], 14);
    const admitted = lines.flatMap((line) => line.ad ?? []);
    const own = lines.flatMap((line) => line.s ?? []).filter((_, place, all) => place % 3 === 1 && all[place - 1] === 1);
    const hits = admitted[admitted.indexOf(1, 2) + 1] ?? 0;
    expect(own.reduce((sum, tokens) => sum + tokens, 0)).toBeGreaterThanOrEqual(300 - hits);
    expect(lines.flatMap((line) => line.ad ?? []).filter((_, place) => place % 2 === 0)).toEqual([0, 1]);
  });

  test("5. nobody is admitted in the step that preempted", () => {
    const reqs = [request(0, 255, 40), request(1, 255, 40), request(2, 16, 4, { at: 2 })];
    const lines = playIterations({ num_gpu_blocks: 33, reserve_full_isl: false }, reqs, 30);
    const preempting = lines.filter((line) => line.pr !== undefined);
    expect(preempting.length).toBeGreaterThan(0);
    for (const line of preempting) expect(line.ad).toBeUndefined();
  });

  test("6. a token leaves at the end of the step that makes it", () => {
    const play = new EnginePlay(smallSpec());
    const id = play.submit(10, 2);
    play.until(999);
    expect(play.times("emit-tokens", id)).toEqual([]);
    play.finish();
    expect(play.times("emit-tokens", id)).toEqual([1000, 2000]);
  });

  test("7. cached blocks that nobody refers to are free", () => {
    const play = new EnginePlay(smallSpec());
    play.submit(160, 2, { blocks: chain(10) });
    play.finish();
    expect(play.engine.observe(1e6 as never)).toMatchObject({ blocksUsed: 0, blocks: 40 });
    const again = play.submit(160, 2, { blocks: chain(10) });
    play.finish();
    expect(play.cached(again)).toBe(144);
  });

  test("8. KV blocks come from the engine's log where there is one", () => {
    const profile = engineProfiles().find(({ name }) => name === "rtx-4090/llama-3.1-8b/tp1");
    expect(profile === undefined ? null : blocksOf(profile, 16)).toBe(2588);
  });

  test("9. an uneven batch waits for its longest context", () => {
    const curve = (slope: number) => ({ x: [0, 1_000_000], y: [0, 1_000_000 * slope] });
    const spec: PiecewiseSpec = {
      kind: "piecewise",
      scale: 1,
      gemm: curve(1),
      decodeAttention: curve(0.1),
      chunkAttention: curve(0),
      head: curve(0),
      perDecodeUs: 0,
      perPrefillPastUs: 0,
      perStepUs: 0,
      skew: 0.05,
      padding: 0,
      range: {},
      source: { kind: "fitted", hardware: "none", model: "none", engineVersion: "none", errorPercent: 0 },
    };
    const batch = { ...emptyShape(), sequences: 4, decodes: 4, tokens: 4, decodeContext: 8000 };
    const even = createStepTime(spec).stepTime({ ...batch, decodeContextMax: 2000 });
    const uneven = createStepTime(spec).stepTime({ ...batch, decodeContextMax: 6000 });
    expect(even).toBe(804);
    expect(uneven).toBe(884);
  });

  test("10. of a complete hit the last block is computed again", () => {
    const play = new EnginePlay(smallSpec());
    play.submit(64, 1, { blocks: chain(4) });
    play.finish();
    const again = play.submit(64, 1, { blocks: chain(4) });
    play.finish();
    expect(play.cached(again)).toBe(48);
  });
});
