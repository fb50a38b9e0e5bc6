import { expect, test } from "vitest";
import type { EngineOptions } from "../../../../../simulator/core/engine/engine-spec.ts";
import { RankBalancer } from "../../../../../simulator/core/engine/rank-balancer.ts";
import { EnginePlay, smallSpec } from "../../../../support/engine-play.ts";

const ranks = (count: number, lockstep: boolean, options: Partial<EngineOptions> = {}): EnginePlay =>
  new EnginePlay(smallSpec({ step: { perPrefillTokenUs: 100 } }, { dataParallel: { ranks: count, lockstep }, asyncScheduling: false, ...options }));

test("dense ranks take requests in turn, and a long prefill of one does not hold up the other", () => {
  const play = ranks(2, false);
  const [long, short] = [play.submit(400, 2), play.submit(10, 2)];
  play.finish();
  expect(play.times("emit-tokens", short)).toEqual([2000, 3000]);
  expect(play.times("emit-tokens", long)).toEqual([41_000, 42_000]);
});

test("each rank has KV blocks of its own", () => {
  expect(ranks(3, false).engine.observe(0 as never).blocks).toBe(120);
  expect(ranks(3, true).engine.observe(0 as never).blocks).toBe(120);
});

test("in lockstep a step takes as long as its longest rank", () => {
  const play = ranks(2, true);
  const [long, short] = [play.submit(400, 2), play.submit(10, 2)];
  play.finish();
  expect(play.times("emit-tokens", short)).toEqual([41_000, 42_000]);
  expect(play.times("emit-tokens", long)).toEqual([41_000, 42_000]);
});

test("in lockstep idle ranks run dummy steps: 32 in all for a single short request, and a late one waits for the step under way", () => {
  const play = ranks(2, true);
  play.submit(10, 1);
  play.until(20_500);
  // The prefill took 2 ms, the dummy steps since 1 ms each.
  expect(play.engine.observe(20_500 as never)).toMatchObject({ running: 0, busy: 20_500 });
  const late = play.submit(10, 1);
  play.finish();
  expect(play.times("emit-tokens", late)).toEqual([23_000]);
  // 32 steps to where the ranks ask each other: two prefills and 30 dummies.
  expect(play.engine.observe(1e6 as never).busy).toBe(34_000);
});

test("the front end sends to the least of 4 x waiting + running, by counts that it hears of 100 ms after they changed", () => {
  const balancer = new RankBalancer(2, true);
  expect([balancer.choose(), balancer.choose(), balancer.choose()]).toEqual([0, 1, 0]);
  balancer.changed(7000 as never);
  balancer.changed(9000 as never);
  expect(balancer.publishesAt).toBe(107_000);
  balancer.publish([
    { waiting: 0, running: 5 },
    { waiting: 1, running: 0 },
  ]);
  expect(balancer.publishesAt).toBe(Infinity);
  expect([balancer.choose(), balancer.choose(), balancer.choose()]).toEqual([1, 0, 1]);
});

test("counts that nobody reports come down to taking turns", () => {
  const balancer = new RankBalancer(3, false);
  balancer.changed(0 as never);
  expect(balancer.publishesAt).toBe(Infinity);
  expect(Array.from({ length: 7 }, () => balancer.choose())).toEqual([0, 1, 2, 0, 1, 2, 0]);
});
