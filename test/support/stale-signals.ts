/** The Mooncake slice played through real routers and modelled engines: what several replicas and the age of their signals cost. */
import path from "node:path";
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
import { fixtureConfig } from "./router-fixture.ts";

const blockTokens = 512;
const nodes = 10;

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

/** @param seed of the instants within the slots */
export async function mooncakeArrivals(shared: string, seed: number): Promise<readonly Arrival[]> {
  const file = path.join(shared, "traces/mooncake_conversation_0-30min.jsonl.gz");
  // The trace has slots of 3 s instead of instants: played as it is, ten requests come at once, and no signal could foresee it.
  const builder = new TraceTableBuilder();
  const jittered = new JitteredRows({ withinUs: 3_000_000, seed }, { row: (row) => builder.add(row), session: () => undefined });
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

export interface Fleet {
  readonly strategy: StrategyName;
  readonly replicas: number;
  /** Seconds; null: no signals. */
  readonly age: number | null;
  readonly seed: number;
}

export interface Outcome {
  readonly hitRate: number;
  readonly firstTokenP95Ms: number;
  /** Requests of the busiest endpoint of any minute, over the mean. */
  readonly busiestMinuteOverMean: number;
  readonly served: number;
}

export function playSlice(arrivals: readonly Arrival[], { strategy, replicas, age, seed }: Fleet): Outcome {
  const config = fixtureConfig({
    strategy,
    deployments: [{ endpoints: nodes, contextTokens: 131_072 }],
    route: {
      affinity: { loadBoundPercent: 125, homesMax: 16_384 },
      limits: { connect: seconds(10), firstToken: seconds(600), idle: seconds(600), total: seconds(3_600) },
    },
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
  const minutes = new MinuteCounts(nodes);
  createWorld(scenario, {
    seed,
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
      command: (command, at) => {
        if (command.kind === "start-attempt") minutes.count(command.endpoint, at);
      },
    },
  }).run();
  firstTokens.sort((one, other) => one - other);
  return {
    hitRate: cached / input,
    firstTokenP95Ms: (firstTokens[Math.floor(0.95 * firstTokens.length)] ?? 0) / 1000,
    busiestMinuteOverMean: minutes.busiestOverMean(),
    served: firstTokens.length,
  };
}

/** Attempts started, by minute and endpoint; the minute in which the trace ends is left out: it has few. */
class MinuteCounts {
  readonly #endpoints: number;
  readonly #minutes: number[][] = [];

  constructor(endpoints: number) {
    this.#endpoints = endpoints;
  }

  count(endpoint: number, at: number): void {
    const counts = (this.#minutes[Math.floor(at / 60e6)] ??= Array.from({ length: this.#endpoints }, () => 0));
    counts[endpoint] = (counts[endpoint] ?? 0) + 1;
  }

  busiestOverMean(): number {
    const whole = this.#minutes.filter((_counts, minute) => minute < 29);
    return Math.max(...whole.map((counts) => (Math.max(...counts) * this.#endpoints) / counts.reduce((sum, count) => sum + count, 0)));
  }
}
