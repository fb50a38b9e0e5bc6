import { describe, expect, test } from "vitest";
import { createEngine } from "../../../../../simulator/core/engine/create-engine.ts";
import { BlockPool } from "../../../../../simulator/core/engine/plain/block-pool.ts";
import { smallSpec } from "../../../../support/engine-play.ts";
import { playIterations, request } from "../../../../support/schedule-play.ts";

const sync = { async_scheduling: false };

describe("points that exact equality with vLLM's schedules needs", () => {
  test("a. empty batches count: each burst ends with one more (synchronous) or two more (asynchronous) calls", () => {
    expect(playIterations(sync, [request(0, 10, 2)], 5).map((line) => line.s)).toEqual([[0, 10, 0], [0, 1, 10], [], undefined, undefined]);
    const async = playIterations({}, [request(0, 10, 2)], 6).map((line) => line.s);
    expect(async).toEqual([[0, 10, 0], [0, 1, 10], [], [], undefined, undefined]);
  });

  test("b. the first asynchronous call takes no output in; then each schedules one and takes in the one before", () => {
    const outputs = playIterations({}, [request(0, 10, 3)], 4).map((line) => line.o);
    expect(outputs).toEqual([undefined, [0], [0], [0]]);
  });

  test("c. asynchronous, the block that the finishing token fills is cached before it is freed", () => {
    // 31 prompt tokens and 2 outputs compute 32: two full blocks, which the next turn finds.
    const contents = [5, 4];
    const lines = playIterations({}, [request(0, 31, 2, { b: contents }), request(1, 40, 2, { b: contents, at: 6 })], 10);
    expect(lines.flatMap((line) => line.ad ?? [])).toEqual([0, 0, 1, 32]);
  });

  test("d. copies of one content serve in the order in which they came", () => {
    const pool = new BlockPool(5);
    const [one, other] = [pool.take(), pool.take()];
    pool.publish(one, 77);
    pool.publish(other, 77);
    expect(pool.holderOf(77)).toBe(one);
    pool.release([one]);
    for (let left = pool.free; left > 0; left--) pool.take();
    expect(pool.holderOf(77)).toBe(other);
  });

  test("e. an abort during the model's step takes effect before its output is taken in, one before schedule() before it", () => {
    const during = playIterations(sync, [request(0, 10, 5, { ab: [1, "m"] }), request(1, 10, 5)], 3);
    expect(during[1]).toMatchObject({ s: [0, 1, 10, 1, 1, 10], o: [1], ab: [0], r: [1] });
    const before = playIterations(sync, [request(0, 10, 5, { ab: [1, "p"] }), request(1, 10, 5)], 3);
    expect(before[1]).toMatchObject({ s: [1, 1, 10], ab: [0] });
  });

  test("f. a preempted request with a step in flight is passed over, and later ones may come in", () => {
    const reqs = [request(0, 200, 60), request(1, 200, 60), request(2, 300, 4, { at: 4 }), request(3, 16, 4, { at: 4 })];
    const lines = playIterations({ pp: 3, num_gpu_blocks: 33, max_num_batched_tokens: 64, reserve_full_isl: false }, reqs, 60);
    const place = lines.findIndex((line) => line.pr !== undefined);
    const victim = lines[place]?.pr?.[0];
    const back = lines.findIndex((line, index) => index > place && (line.re ?? []).includes(victim ?? -1));
    expect(place).toBeGreaterThan(0);
    expect(back - place).toBeGreaterThan(1);
  });

  test("g. rejected drafts are taken back; a lone token is padded with drafts beside decodes", () => {
    const rejected = playIterations({ ...sync, spec: 3, spec_method: "ngram" }, [request(0, 10, 9, { acc: [0, 2] })], 4);
    expect(rejected.map((line) => line.s)).toEqual([
      [0, 10, 0],
      [0, 4, 10],
      [0, 4, 13],
      [0, 4, 14],
    ]);
    const shared = [3, 3];
    const padded = playIterations(
      { ...sync, spec: 2, spec_method: "ngram" },
      [request(0, 32, 30, { b: [...shared, 9, 1] }), request(1, 33, 4, { b: shared, at: 3 })],
      5,
    );
    expect(padded[3]?.s?.slice(3)).toEqual([1, 3, 32]);
    const besidePrefill = playIterations(
      { ...sync, spec: 2, spec_method: "ngram", long_prefill_token_threshold: 16 },
      [request(0, 200, 30, { b: [...shared, 9, 9] }), request(2, 10, 30), request(1, 33, 4, { b: shared, at: 3 })],
      5,
    );
    expect(besidePrefill[3]?.s?.slice(0, 3)).toEqual([0, 16, 48]);
    expect(besidePrefill[3]?.s?.slice(-3)).toEqual([1, 1, 32]);
  });

  test("h. of one sequence's unhashed blocks the last ends at the very head of the free queue, hashed ones at its tail", () => {
    const pool = new BlockPool(8);
    const blocks = [pool.take(), pool.take(), pool.take(), pool.take()];
    pool.publish(blocks[0] ?? 0, 11);
    pool.publish(blocks[1] ?? 0, 12);
    pool.release(blocks);
    expect(pool.freeQueue()).toEqual([4, 3, 5, 6, 7, 2, 1]);
  });

  test("i. a pool that does not hold one sequence of max_model_len is refused", () => {
    expect(() => createEngine(smallSpec({ blocks: 32 }), { detail: "tokens" })).toThrow(/KV pool/);
    expect(() => createEngine(smallSpec({ blocks: 33 }), { detail: "tokens" })).not.toThrow();
  });

  test("j. prefix statistics come with the next output, preempted ones apart", () => {
    const lines = playIterations({ num_gpu_blocks: 33 }, [request(0, 255, 40), request(1, 255, 40)], 60);
    expect(lines[0]?.pc).toBeUndefined();
    const flushed = lines.flatMap((line) => (line.pc === undefined ? [] : [line.pc]));
    expect(flushed[0]?.slice(0, 3)).toEqual([2, 510, 0]);
    expect(flushed.some((counts) => counts[3] === 1 && counts[0] === 0)).toBe(true);
  });

  test("k. priority: lower value, then arrival time, then id; the victim on a tie is the first in running order", () => {
    const line = playIterations(
      { policy: "priority", max_num_seqs: 1 },
      [request(0, 10, 9, { pr: 1 }), request(1, 10, 2, { pr: 0, t: 5 }), request(2, 10, 2, { pr: 0, t: 5 })],
      1,
    )[0];
    expect([line?.r, line?.w]).toEqual([[1], [2, 0]]);
    const tied = [request(0, 255, 40, { t: 3 }), request(1, 255, 40, { t: 3 })];
    const lines = playIterations({ policy: "priority", num_gpu_blocks: 33 }, tied, 10);
    expect(lines.flatMap((one) => one.pr ?? [])[0]).toBe(0);
  });

  test("l. the watermark counts the null block, and only while something runs", () => {
    // 0.5 x 40 = 20 of 39 free blocks stay free: 16 + 16 do not fit beside each other, one alone may take them all.
    const lines = playIterations({ num_gpu_blocks: 40, watermark: 0.5, max_num_batched_tokens: 512 }, [request(0, 250, 3), request(1, 250, 3)], 8);
    expect(lines[0]?.r).toEqual([0]);
    expect(playIterations({ num_gpu_blocks: 40, watermark: 0.9 }, [request(0, 250, 3)], 1)[0]?.r).toEqual([0]);
  });

  test("m. after a call that left a decode out, its token in flight is known: a block is cached one call earlier", () => {
    // The least urgent runs first and preempts itself (call 8); the two behind it are not reached. Request 2 is then at 175 tokens, with the 176th known.
    const alike = { b: [70, 15] };
    const reqs = [
      request(0, 170, 60, { pr: 5 }),
      request(1, 150, 60, { at: 1 }),
      request(2, 170, 60, { at: 1, ...alike }),
      request(3, 180, 4, { at: 8, ...alike }),
    ];
    const lines = playIterations({ policy: "priority", num_gpu_blocks: 33, max_num_batched_tokens: 512 }, reqs, 40);
    expect([lines[7]?.pr, lines[7]?.s]).toEqual([[0], []]);
    expect(lines[8]?.ad).toEqual([3, 176]);
  });

  test("m, aborted. what was known at once is freed with its content: for the next tokens, others' blocks are evicted", () => {
    // As above; request 1 is aborted with 176 tokens, all known. Requests 2 and 3 each take a block: the last two of request 0, which finds nine of its eleven again.
    const reqs = [request(0, 170, 60, { pr: 5 }), request(1, 170, 60, { at: 1, ab: [8, "m"] }), request(2, 170, 60, { at: 1 }), request(3, 170, 9, { at: 1 })];
    const lines = playIterations({ policy: "priority", num_gpu_blocks: 45, max_num_batched_tokens: 1024 }, reqs, 20);
    expect([lines[7]?.pr, lines[8]?.ab, lines[9]?.ad]).toEqual([[0], [1], [0, 144]]);
  });

  test("n, decodes. blocks of one content that are full in one call serve in running order, whoever began to decode first", () => {
    // Request 0 needs a second chunk for its 11 tokens, and both are equally far then. Request 2 finds the two blocks of request 0: all three of request 1 come free.
    const alike = { b: [70, 8] };
    const reqs = [request(0, 11, 40, alike), request(1, 10, 30, alike), request(2, 40, 20, { ...alike, at: 25 })];
    const lines = playIterations({ long_prefill_token_threshold: 10 }, reqs, 50);
    expect(lines[25]?.ad).toEqual([2, 32]);
    expect([lines[29]?.f, lines[30]?.fi, lines[30]?.f]).toEqual([57, [1, "length"], 60]);
  });

  test("n. several prefills of one content between decodes: fast and plain agree on which copy serves", () => {
    const reqs = Array.from({ length: 8 }, (_, id) => request(id, 60 + 16 * (id % 3), 20, { b: [60, 8], at: id }));
    const lines = playIterations({ long_prefill_token_threshold: 20, num_gpu_blocks: 40 }, reqs, 120);
    expect(lines.flatMap((line) => line.ad ?? []).length).toBeGreaterThanOrEqual(16);
  });
});
