import type { AffinitySpec, CompiledConfig, StrategyName } from "../../router/core/compiled-config.ts";
import type { AttemptOutcome, RequestId, RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import { Router } from "../../router/core/router.ts";
import { instantAt } from "../../router/core/time.ts";
import { keyedUnit, purposeOf } from "../../router/core/random.ts";
import { fixtureConfig, fixtureRequest } from "./router-fixture.ts";

export interface CachedRequest {
  readonly atUs: number;
  readonly inputTokens: number;
  readonly blocks: Int32Array | null;
}

interface BenchOptions {
  readonly nodes: number;
  readonly blocksPerNode: number;
  readonly strategy?: StrategyName;
  readonly affinity?: Partial<AffinitySpec>;
  /** Each request comes to one of them at random; each knows only its own. */
  readonly replicas?: number;
  /** A node that refuses everything for a while, and then comes back with an empty cache. Told: the routers hear of both; else they find out from refusals and probes. */
  readonly lost?: { readonly node: number; readonly fromUs: number; readonly untilUs: number; readonly told: boolean };
}

const blockTokens = 512;
const replicaPurpose = purposeOf("test-replica");
const served: AttemptOutcome = { kind: "succeeded", failure: null, retryAfter: null, billed: "no", usage: null, usageEstimated: false, lagged: false };
const refused: AttemptOutcome = { ...served, kind: "failed", failure: "connect-failed" };

/** Real routers in front of caches of blocks (the least recently used goes), without any time spent: what a strategy makes of a trace's prefixes. */
export class AffinityBench {
  readonly #options: BenchOptions;
  readonly #config: CompiledConfig;
  readonly #routers: readonly Router[];
  readonly #caches: Set<number>[];
  /** By node: in all, and by minute. */
  readonly #served: number[];
  readonly #minutes = new Map<number, number[]>();
  #hits = 0;
  #tokens = 0;
  #serial = 0;
  #left = false;

  constructor(options: BenchOptions) {
    this.#options = options;
    const affinity: AffinitySpec = { loadBoundPercent: 125, homesMax: 16_384, ...options.affinity };
    const strategy = options.strategy ?? "prefix-affinity";
    this.#config = fixtureConfig({ strategy, deployments: [{ endpoints: options.nodes, contextTokens: Infinity }], route: { affinity } });
    this.#routers = Array.from({ length: options.replicas ?? 1 }, (_, replica) => new Router(this.#config, { seed: replica + 1, explain: false }));
    this.#caches = Array.from({ length: options.nodes }, () => new Set<number>());
    this.#served = this.#caches.map(() => 0);
  }

  play(requests: readonly CachedRequest[]): void {
    for (const request of requests) this.#play(request);
  }

  /** The membership that the routers are told of at this time. */
  #tell(atUs: number): void {
    const { lost } = this.#options;
    if (lost === undefined || !lost.told) return;
    const left = atUs >= lost.fromUs && atUs < lost.untilUs;
    if (left === this.#left) return;
    this.#left = left;
    const node = this.#config.endpoints.filter(({ id }) => id === lost.node);
    const event: RouterEvent = { kind: "fleet-changed", joined: left ? [] : node, left: left ? node.map(({ id }) => id) : [] };
    for (const router of this.#routers) router.handle(event, instantAt(left ? lost.fromUs : lost.untilUs), { emit: () => undefined });
  }

  #play(request: CachedRequest): void {
    this.#tell(request.atUs);
    const serial = this.#serial;
    this.#serial += 1;
    const router = this.#routers[Math.floor(keyedUnit(1, replicaPurpose, serial, 0) * this.#routers.length)];
    if (router === undefined) throw new Error("no router");
    const { atUs, inputTokens, blocks } = request;
    const now = instantAt(atUs);
    const emitted: RouterCommand[] = [];
    const out = { emit: (command: RouterCommand): void => void emitted.push(command) };
    router.handle({ kind: "request-arrived", request: fixtureRequest(0 as RequestId, serial, { inputTokens, blocks }) }, now, out);
    for (let command = emitted.shift(); command !== undefined; command = emitted.shift()) {
      if (command.kind !== "start-attempt") continue;
      const up = this.#isUp(command.endpoint, atUs);
      if (up) this.#serve(command.endpoint, request);
      router.handle({ kind: "attempt-ended", attempt: command.attempt, outcome: up ? served : refused }, now, out);
    }
  }

  #isUp(node: number, atUs: number): boolean {
    const { lost } = this.#options;
    if (lost === undefined || node !== lost.node || atUs < lost.fromUs || atUs >= lost.untilUs) return true;
    this.#caches[node]?.clear();
    return false;
  }

  #serve(node: number, { atUs, inputTokens, blocks }: CachedRequest): void {
    const cache = this.#caches[node] ?? new Set<number>();
    const minute = Math.floor(atUs / 60e6);
    const counts = this.#minutes.get(minute) ?? this.#served.map(() => 0);
    this.#minutes.set(minute, counts);
    counts[node] = (counts[node] ?? 0) + 1;
    this.#served[node] = (this.#served[node] ?? 0) + 1;
    const keys = [...(blocks ?? [])];
    const missing = keys.findIndex((block) => !cache.has(block));
    this.#hits += Math.min((missing < 0 ? keys.length : missing) * blockTokens, inputTokens);
    this.#tokens += inputTokens;
    // The end of a prompt is let go of before its beginning.
    for (const block of keys.toReversed()) {
      cache.delete(block);
      cache.add(block);
    }
    for (const block of cache) {
      if (cache.size <= this.#options.blocksPerNode) break;
      cache.delete(block);
    }
  }

  /** Without the node that is lost, or whose return the routers have yet to find out: it has no request. */
  #alive(minute: number, counts: readonly number[]): readonly number[] {
    const { lost } = this.#options;
    if (lost === undefined) return counts;
    const isLost = (minute + 1) * 60e6 > lost.fromUs && minute * 60e6 < lost.untilUs;
    return counts.filter((count, node) => node !== lost.node || !(isLost || (!lost.told && count === 0)));
  }

  result(): { hitRate: number; busiestOverMean: number; busiestMinuteOverMean: number; homesUsed: number } {
    const homes = this.#routers[0]?.snapshot().routes[0]?.affinity?.homes ?? new Int32Array();
    return {
      hitRate: this.#hits / this.#tokens,
      busiestOverMean: busiestOverMean(this.#served),
      busiestMinuteOverMean: Math.max(...[...this.#minutes].map(([minute, counts]) => busiestOverMean(this.#alive(minute, counts)))),
      homesUsed: homes.filter((value, place) => place % 3 === 0 && value !== -1).length,
    };
  }
}

function busiestOverMean(counts: readonly number[]): number {
  return (Math.max(...counts) * counts.length) / counts.reduce((sum, count) => sum + count, 0);
}
