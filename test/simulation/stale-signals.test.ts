import path from "node:path";
import { describe, expect, test } from "vitest";
import type { StrategyName } from "../../router/core/compiled-config.ts";
import type { RouteId, RouterEvent } from "../../router/core/messages.ts";
import { instantAt, micros, seconds } from "../../router/core/time.ts";
import type { CompiledScenario, VllmSpec } from "../../simulator/core/compiled-scenario.ts";
import { createWorld } from "../../simulator/core/world.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { mooncake } from "../../simulator/trace/formats/mooncake.ts";
import { JitteredRows } from "../../simulator/trace/jittered-rows.ts";
import { defaultFormatOptions } from "../../simulator/trace/trace-format.ts";
import { readTrace } from "../../simulator/trace/trace-reader.ts";
import { blocksOfRow, TraceTableBuilder } from "../../simulator/trace/trace-table.ts";
import { fixtureConfig } from "../support/router-fixture.ts";
import { sharedFolder } from "../support/shared-folder.ts";

const shared = sharedFolder();
const blockTokens = 512;
const nodes = 10;
const arrivals = shared === null ? [] : await mooncakeArrivals(path.join(shared, "traces/mooncake_conversation_0-30min.jsonl.gz"));

/** A 70B model on eight fast GPUs, roughly: 15,000 prompt tokens a second and steps of 25 ms. What is compared here does not depend on it. */
const node: VllmSpec = {
  kind: "vllm",
  engine: {
    blockTokens,
    blocks: 5_860,
    sequencesMax: 256,
    batchedTokensMax: 8_192,
    modelTokensMax: 131_072,
    stepTime: {
      kind: "linear",
      source: { kind: "roofline", hardware: "a stand-in", model: "none", engineVersion: "none", errorPercent: 0 },
      perStepUs: 25_000,
      perPrefillTokenUs: 65,
      perSequenceUs: 50,
      perContextTokenUs: 0.02,
      perChunkAttentionUs: 0,
    },
  },
  frontEndBefore: micros(2_000),
  frontEndAfter: micros(1_000),
};

async function mooncakeArrivals(file: string): Promise<Arrival[]> {
  // The trace has slots of 3 s instead of instants: played as it is, ten requests come at once, and no signal could foresee it.
  const builder = new TraceTableBuilder();
  const jittered = new JitteredRows({ withinUs: 3_000_000, seed: 1 }, { row: (row) => builder.add(row), session: () => undefined });
  await readTrace(file, mooncake, { ...defaultFormatOptions, itemsMax: Infinity }, jittered);
  jittered.end();
  const table = builder.build();
  return Array.from({ length: table.rows }, (_, row) => {
    const inputTokens = table.inputTokens[row] ?? 1;
    return {
      at: instantAt(table.atUs[row] ?? 0),
      inputTokens,
      outputTokens: Math.max(1, table.outputTokens[row] ?? 1),
      blocks: blocksOfRow(table, row)?.subarray(0, Math.floor(inputTokens / blockTokens)) ?? null,
      route: null,
    };
  });
}

interface Fleet {
  readonly strategy: StrategyName;
  readonly replicas: number;
  /** Seconds; null: no signals. */
  readonly age: number | null;
}

interface Outcome {
  readonly hitRate: number;
  readonly firstTokenP95Ms: number;
  readonly served: number;
}

function play({ strategy, replicas, age }: Fleet): Outcome {
  const config = fixtureConfig({
    strategy,
    deployments: [{ endpoints: nodes, contextTokens: 131_072 }],
    route: { limits: { connect: seconds(10), firstToken: seconds(600), idle: seconds(600), total: seconds(3_600) } },
  });
  const scenario: CompiledScenario = {
    name: "stale-signals",
    config,
    endpoints: config.endpoints.map(() => node),
    faults: [],
    replicas: { count: replicas, gossip: null, signals: age === null ? null : { every: seconds(1), delay: seconds(age) } },
    defaultRoute: 0 as RouteId,
    warmUp: micros(0),
    targets: [],
  };
  let input = 0;
  let cached = 0;
  const firstTokens: number[] = [];
  createWorld(scenario, {
    seed: 1,
    arrivals: arrivals[Symbol.iterator](),
    observer: {
      requestEnded: ({ scheduled, first }) => void (first === null ? undefined : firstTokens.push(first - scheduled)),
      breakerChanged: () => undefined,
    },
    watch: {
      event: (event: RouterEvent) => {
        if (event.kind !== "attempt-ended" || event.outcome.usage === null) return;
        input += event.outcome.usage.input;
        cached += event.outcome.usage.cachedRead;
      },
      command: () => undefined,
    },
  }).run();
  firstTokens.sort((one, other) => one - other);
  return { hitRate: cached / input, firstTokenP95Ms: (firstTokens[Math.floor(0.95 * firstTokens.length)] ?? 0) / 1000, served: firstTokens.length };
}

describe.skipIf(shared === null)("Mooncake slice, 10 engines: what several replicas and the age of their signals cost", () => {
  const ages = [null, 0, 1, 5];
  const row = (strategy: StrategyName, replicas: number): Outcome[] => ages.map((age) => play({ strategy, replicas, age }));
  const table = (strategy: StrategyName): Map<number, Outcome[]> => {
    const rows = new Map([1, 2, 5].map((replicas) => [replicas, row(strategy, replicas)]));
    const lines = [...rows].map(([replicas, outcomes]) => {
      const cells = outcomes.map(({ hitRate, firstTokenP95Ms }) => `${hitRate.toFixed(3)} / ${firstTokenP95Ms.toFixed(0)} ms`);
      return [`${replicas} replicas`, ...cells].join(" | ");
    });
    console.log([`${strategy}: hit rate / p95 to first token, by replicas and age | none | 0 s | 1 s | 5 s`, ...lines].join("\n"));
    return rows;
  };

  test("prefix affinity: five replicas lose less than 10 % of the hit rate and of the p95 of one, whatever the signals' age", () => {
    const rows = table("prefix-affinity");
    const [one] = rows.get(1) ?? [];
    for (const { hitRate, firstTokenP95Ms, served } of rows.get(5) ?? []) {
      expect(hitRate).toBeGreaterThan(0.9 * (one?.hitRate ?? 1));
      expect(firstTokenP95Ms).toBeLessThan(1.1 * (one?.firstTokenP95Ms ?? 0));
      expect(served).toBe(arrivals.length);
    }
    expect(one?.hitRate).toBeGreaterThan(0.33);
  });

  test("power of two: fresh signals help five replicas, old ones do not hurt", () => {
    const rows = table("power-of-two");
    const [one] = rows.get(1) ?? [];
    const [without, fresh, , old] = (rows.get(5) ?? []).map(({ firstTokenP95Ms }) => firstTokenP95Ms);
    expect(fresh).toBeLessThan(without ?? 0);
    expect(old).toBeLessThan(1.1 * (one?.firstTokenP95Ms ?? 0));
  });
});
