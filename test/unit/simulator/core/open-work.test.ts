import { describe, expect, test } from "vitest";
import type { ConfigVersion } from "../../../../router/core/compiled-config.ts";
import type { Instant } from "../../../../router/core/machine.ts";
import type { AttemptId, DeploymentId, EndpointId, RequestId, Usage } from "../../../../router/core/messages.ts";
import { OpenWork } from "../../../../simulator/core/open-work.ts";
import type { Arrival } from "../../../../simulator/core/workload/arrival.ts";

const at = (micros: number): Instant => micros as Instant;
const arrival = (micros: number, outputTokens: number): Arrival => ({ at: at(micros), outputTokens }) as Arrival;
const usage: Usage = { input: 9, cachedRead: 4, cacheWrite: 0, output: 7, reasoning: 0 };

function begun(work: OpenWork, request: number, attempt: number, micros: number): number {
  return work.start(request as RequestId, attempt as AttemptId, (10 + attempt) as EndpointId, (20 + attempt) as DeploymentId, 3 as ConfigVersion, at(micros));
}

describe("what a simulated replica has under way", () => {
  test("a request that has only arrived has nothing else", () => {
    const work = new OpenWork();
    work.arrive(5 as RequestId, arrival(100, 32));
    expect(work.request(5)).toEqual({ arrivedAt: 100, started: null, deployment: null, version: null, first: null, cachedRead: 0, output: 0 });
  });

  test("its first attempt starts it, the committed one says where it was served, and its end what it used", () => {
    const work = new OpenWork();
    work.arrive(0 as RequestId, arrival(100, 32));
    expect(begun(work, 0, 0, 110)).toBe(32);
    expect(begun(work, 0, 1, 150)).toBe(32);
    work.commit(0 as AttemptId, at(170));
    work.noteUsage(1 as AttemptId, { ...usage, output: 1 });
    expect(work.end(1 as AttemptId)).toBe(0);
    work.noteUsage(0 as AttemptId, usage);
    expect(work.end(0 as AttemptId)).toBe(0);
    expect(work.request(0)).toEqual({ arrivedAt: 100, started: 110, deployment: 20, version: 3, first: 170, cachedRead: 4, output: 7 });
  });

  test("an attempt that ends at the instant of its first token is committed afterwards, and its usage counts", () => {
    const work = new OpenWork();
    work.arrive(0 as RequestId, arrival(0, 1));
    begun(work, 0, 0, 0);
    work.noteUsage(0 as AttemptId, usage);
    work.end(0 as AttemptId);
    work.commit(0 as AttemptId, at(9));
    expect(work.request(0)).toMatchObject({ first: 9, cachedRead: 4, output: 7 });
  });

  test("whoever has the row next has nothing of it", () => {
    const work = new OpenWork();
    work.arrive(0 as RequestId, arrival(0, 1));
    begun(work, 0, 0, 0);
    work.abort(0 as AttemptId);
    work.noteUsage(0 as AttemptId, usage);
    work.end(0 as AttemptId);
    work.arrive(0 as RequestId, arrival(50, 2));
    begun(work, 0, 0, 60);
    expect([work.isLive(0 as AttemptId), work.isAborted(0 as AttemptId), work.startOf(0 as AttemptId)]).toEqual([true, false, 60]);
    work.commit(0 as AttemptId, at(70));
    expect(work.request(0)).toMatchObject({ arrivedAt: 50, first: 70, cachedRead: 0, output: 0 });
  });

  test("rows of many are kept apart, whatever the order of their ids", () => {
    const work = new OpenWork();
    const ids = [40, 3, 999, 0, 41];
    for (const id of ids) {
      work.arrive(id as RequestId, arrival(id, 1000 + id));
      expect(begun(work, id, id, id + 1)).toBe(1000 + id);
    }
    for (const id of ids) expect([work.endpointOf(id as AttemptId), work.request(id).started, work.isLive(id as AttemptId)]).toEqual([10 + id, id + 1, true]);
    expect(work.isLive(500 as AttemptId)).toBe(false);
  });

  test("once nobody listens any more, those are named that were not told to end", () => {
    const work = new OpenWork();
    work.arrive(0 as RequestId, arrival(0, 1));
    for (const attempt of [0, 1, 2]) begun(work, 0, attempt, attempt);
    work.abort(1 as AttemptId);
    work.end(2 as AttemptId);
    expect(work.abandon()).toEqual([{ attempt: 0, endpoint: 10 }]);
    expect(work.abandon()).toEqual([]);
  });
});
