import path from "node:path";
import { describe, expect, test } from "vitest";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { loadTrace } from "../../simulator/trace/load-trace.ts";
import { mooncake } from "../../simulator/trace/formats/mooncake.ts";
import { blocksOfRow } from "../../simulator/trace/trace-table.ts";
import { AffinityBench, type CachedRequest } from "../support/affinity-bench.ts";
import { sharedFolder } from "../support/shared-folder.ts";

const shared = sharedFolder();
const requests = shared === null ? [] : await mooncakeRequests(path.join(shared, "traces/mooncake_conversation_0-30min.jsonl.gz"));

async function mooncakeRequests(file: string): Promise<CachedRequest[]> {
  const { table } = await loadTrace(file, mooncake, Infinity);
  return Array.from({ length: table.rows }, (_, row) => ({
    atUs: table.atUs[row] ?? 0,
    inputTokens: table.inputTokens[row] ?? 0,
    blocks: blocksOfRow(table, row),
  }));
}

describe.skipIf(shared === null)("prefix affinity on the Mooncake slice, 10 caches of 5,859 blocks", () => {
  const run = (options: Partial<ConstructorParameters<typeof AffinityBench>[0]>, rows: readonly CachedRequest[] = requests) => {
    const bench = new AffinityBench({ nodes: 10, blocksPerNode: 5_859, ...options });
    bench.play(rows);
    return bench.result();
  };

  test("one replica: a hit rate of 0.34 (round robin 0.096, one pooled cache 0.346), no node above 1.25 of the mean in any minute", () => {
    expect(run({ strategy: "round-robin" }).hitRate).toBeCloseTo(0.096, 2);
    const { hitRate, busiestOverMean, busiestMinuteOverMean } = run({});
    expect(hitRate).toBeGreaterThanOrEqual(0.34);
    expect(busiestOverMean).toBeLessThanOrEqual(1.1);
    expect(busiestMinuteOverMean).toBeLessThanOrEqual(1.25);
  });

  test("caches of 1,500 blocks: 0.24", () => {
    expect(run({ blocksPerNode: 1_500 }).hitRate).toBeGreaterThanOrEqual(0.24);
  });

  test.each([true, false])("a node lost with its cache at minute 15 and back, empty, at minute 20 (told: %s): 0.335, balanced over the nodes alive", (told) => {
    for (const node of [0, 3, 5, 7]) {
      const { hitRate, busiestMinuteOverMean } = run({ lost: { node, fromUs: 900e6, untilUs: 1200e6, told } });
      expect(hitRate).toBeGreaterThanOrEqual(0.335);
      expect(busiestMinuteOverMean).toBeLessThanOrEqual(1.25);
    }
  });

  test.each([10, 20, 30, 40, 50])("the same whatever minutes are: %d s later", (laterS) => {
    const laterUs = laterS * 1e6;
    // Minutes that begin or end with the trace have few requests: not judged.
    const whole = requests.filter(({ atUs }) => atUs + laterUs >= 60e6 && atUs + laterUs < 1800e6).map((row) => ({ ...row, atUs: row.atUs + laterUs }));
    const { hitRate, busiestMinuteOverMean } = run({}, whole);
    expect(hitRate).toBeGreaterThanOrEqual(0.34 * (1 - laterS / 3600));
    expect(busiestMinuteOverMean).toBeLessThanOrEqual(1.25);
  });

  test.each([0, 1, 3])("%d common blocks in front of every prompt, found out", (common) => {
    const rows = requests.map((row) => {
      const blocks = row.blocks ?? new Int32Array();
      const own = blocks.subarray(1).map((block) => block + 10);
      return { ...row, inputTokens: row.inputTokens + (common - 1) * 512, blocks: Int32Array.from([...[-11, -12, -13].slice(0, common), ...own]) };
    });
    const pooled = run({ nodes: 1, blocksPerNode: 58_590 }, rows).hitRate;
    const { hitRate, busiestMinuteOverMean } = run({}, rows);
    expect(hitRate).toBeGreaterThanOrEqual(pooled - 0.006);
    expect(busiestMinuteOverMean).toBeLessThanOrEqual(1.25);
  });

  test.each([2, 5, 10])("%d replicas that each see their part only: less than 10 % of the hit rate lost", (replicas) => {
    const { hitRate, busiestOverMean } = run({ replicas });
    expect(hitRate).toBeGreaterThanOrEqual(0.9 * run({}).hitRate);
    expect(busiestOverMean).toBeLessThanOrEqual(1.25);
  });

  test("the memory is bounded: with 256 homes hashing remembers for itself what is forgotten", () => {
    const few = run({ affinity: { homesMax: 256 } });
    expect(few.homesUsed).toBeLessThanOrEqual(256);
    expect(few.hitRate).toBeGreaterThanOrEqual(0.3);
  });
});

test("several system prompts of different lengths, and none, in one route: each is found for itself", () => {
  const purpose = purposeOf("test-prompts");
  const draw = (serial: number, which: number, below: number): number => Math.floor(keyedUnit(1, purpose, serial, which) * below);
  const sessions = Array.from({ length: 800 }, (_, session) => {
    const prompt = session % 4;
    return Array.from({ length: prompt * 2 }, (_depth, depth) => 1_000_000 * (prompt + 1) + depth);
  });
  const turns = sessions.map(() => 0);
  const rows = Array.from({ length: 8_000 }, (_, serial): CachedRequest => {
    // Sessions come and go: at any time forty are at work.
    const session = Math.min(799, Math.floor(serial / 10.5) + draw(serial, 0, 40));
    turns[session] = (turns[session] ?? 0) + 1;
    const own = Array.from({ length: 2 * (turns[session] ?? 1) }, (_depth, depth) => session * 1_000 + depth);
    const blocks = Int32Array.from([...(sessions[session] ?? []), ...own]);
    return { atUs: serial * 300_000, inputTokens: blocks.length * 512, blocks };
  });
  const bench = new AffinityBench({ nodes: 8, blocksPerNode: 2_000 });
  bench.play(rows);
  const pooled = new AffinityBench({ nodes: 1, blocksPerNode: 16_000 });
  pooled.play(rows);
  expect(bench.result().hitRate).toBeGreaterThan(0.95 * pooled.result().hitRate);
  expect(bench.result().busiestOverMean).toBeLessThan(1.25);
});
