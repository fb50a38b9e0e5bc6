/**
 * Fairness between tenants on one saturated replica: what each of them gets, beside what a fluid server of the same capacity would give it.
 *
 * Service tokens: prompt + 2 x output (the router's own weights). Capacity: the whole trace handed over at once, service tokens over its makespan. The trace's clock is
 * then stretched so that its demand is so many times the capacity. The fluid server is max-min fair at every instant: capacity is shared out equally among the tenants
 * with open requests, what one cannot use goes to the others, and no request is served faster than the engine serves one alone. Shares are read at the last arrival.
 * Heavy tenants are those that would get less than they ask for if the whole capacity until then were shared out max-min at once; all others are light.
 *
 * What heavy tenants do to light ones is read in two ways. Their excess: the light tenants' p95 while the heavy ones send a multiple of their load, beside the p95 at
 * their load as it is. Their presence: the p95 beside that of the light tenants alone, where max-min fairness itself sets a bound, since the capacity is
 * shared at every instant and light tenants ask for more than their part in their bursts: the fluid server's p95.
 */
import path from "node:path";
import { type Instant } from "../../router/core/machine.ts";
import type { TenantId } from "../../router/core/messages.ts";
import { instantAt, micros, seconds } from "../../router/core/time.ts";
import { type CompiledScenario, oneReplica } from "../../simulator/core/compiled-scenario.ts";
import { percentile } from "../../simulator/core/measure/percentile.ts";
import type { RequestRecord } from "../../simulator/core/measure/request-record.ts";
import type { Arrival } from "../../simulator/core/workload/arrival.ts";
import { createWorld } from "../../simulator/core/world.ts";
import { arena } from "../../simulator/trace/formats/arena.ts";
import { loadTrace } from "../../simulator/trace/load-trace.ts";
import { nameOfRow } from "../../simulator/trace/trace-table.ts";
import { fixtureConfig, fixtureQueue } from "./router-fixture.ts";
import { smallVllm } from "./small-scenario.ts";

const places = 8;
const stepUs = 20_000;
/** Two service tokens per step. */
const requestRateMax = (2 * 1_000_000) / stepUs;
const week = seconds(7 * 24 * 3600);

export interface FairnessPolicy {
  readonly name: string;
  readonly order: "fair" | "fcfs";
  /** See QueueSpec. */
  readonly burst: number;
  /** Requests of one tenant per minute; more are refused before the queue. */
  readonly requestsPerMinute: number;
}

export interface TenantResult {
  readonly tenant: string;
  readonly demand: number;
  readonly share: number;
  readonly service: number;
  readonly heavy: boolean;
}

export interface SharesResult {
  readonly tenants: readonly TenantResult[];
  /** Least of service / share. */
  readonly worst: number;
  readonly refused: number;
}

export async function arenaArrivals(folder: string): Promise<Arrival[]> {
  const { table } = await loadTrace(path.join(folder, "traces/vtc_arena_27tenants.csv"), arena, Infinity);
  return Array.from({ length: table.rows }, (_, row) => ({
    at: instantAt(table.atUs[row] ?? 0),
    inputTokens: table.inputTokens[row] ?? 1,
    outputTokens: table.outputTokens[row] ?? 1,
    blocks: null,
    route: null,
    tenant: nameOfRow(table.tenants, row),
  }));
}

const workOf = ({ inputTokens, outputTokens }: { readonly inputTokens: number; readonly outputTokens: number }): number => inputTokens + 2 * outputTokens;
export const totalWork = (arrivals: readonly Arrival[]): number => arrivals.reduce((sum, arrival) => sum + workOf(arrival), 0);

/** Service tokens per second. */
export function capacityFor(arrivals: readonly Arrival[]): number {
  const records = play(
    arrivals.map((arrival) => ({ ...arrival, at: instantAt(0) })),
    { order: "fcfs", burst: 0 },
  );
  return totalWork(arrivals) / (Math.max(...records.map(({ end }) => end)) / 1_000_000);
}

export function stretched(arrivals: readonly Arrival[], capacity: number, overload: number): Arrival[] {
  const first = arrivals[0]?.at ?? 0;
  const span = (arrivals.at(-1)?.at ?? 0) - first;
  const factor = (totalWork(arrivals) / (overload * capacity)) * (1_000_000 / span);
  return arrivals.map((arrival) => ({ ...arrival, at: instantAt(Math.floor((arrival.at - first) * factor)) }));
}

export function judgeShares(arrivals: readonly Arrival[], capacity: number, policy: FairnessPolicy): SharesResult {
  const until = arrivals.at(-1)?.at ?? instantAt(0);
  const demands = demandOf(arrivals);
  const heavy = heavyTenants(demands, (capacity * until) / 1_000_000);
  const admitted = underLimit(arrivals, policy.requestsPerMinute);
  const service = new Map<string, number>();
  for (const record of play(admitted, policy)) {
    const tenant = admitted[record.serial]?.tenant ?? "";
    service.set(tenant, (service.get(tenant) ?? 0) + servedBy(record, until));
  }
  const tenants = [...fluid(arrivals, capacity, until).shares].map(([tenant, share]) => ({
    tenant,
    demand: demands.get(tenant) ?? 0,
    share,
    service: service.get(tenant) ?? 0,
    heavy: heavy.has(tenant),
  }));
  return { tenants, worst: Math.min(...tenants.map((one) => one.service / one.share)), refused: arrivals.length - admitted.length };
}

/** Every request of the heavy tenants comes so many times. */
export function heavier(arrivals: readonly Arrival[], capacity: number, times: number): Arrival[] {
  const heavy = heavyTenants(demandOf(arrivals), (capacity * (arrivals.at(-1)?.at ?? 0)) / 1_000_000);
  return arrivals.flatMap((arrival) => (heavy.has(arrival.tenant ?? "") ? Array.from({ length: times }, () => arrival) : [arrival]));
}

/** p95 from arrival to end over the requests of tenants that are not heavy, seconds. */
export function lightP95(arrivals: readonly Arrival[], heavy: ReadonlySet<string>, policy: FairnessPolicy): number {
  const admitted = underLimit(arrivals, policy.requestsPerMinute);
  const light = play(admitted, policy).filter(({ serial }) => !heavy.has(admitted[serial]?.tenant ?? ""));
  return percentile(Float64Array.from(light, ({ end, scheduled }) => (end - scheduled) / 1_000_000).sort(), 95);
}

export function fluidLightP95(arrivals: readonly Arrival[], heavy: ReadonlySet<string>, capacity: number): number {
  const light = fluid(arrivals, capacity, Infinity).sojourn.filter((_, place) => !heavy.has(arrivals[place]?.tenant ?? ""));
  return percentile(light.sort(), 95);
}

/** @param total service tokens to share out */
function heavyTenants(demands: ReadonlyMap<string, number>, total: number): ReadonlySet<string> {
  const ascending = [...demands].toSorted(([, one], [, other]) => one - other);
  let left = total;
  const heavy = ascending.filter(([, demand], place) => {
    const level = left / (ascending.length - place);
    left -= Math.min(demand, level);
    return demand > level;
  });
  return new Set(heavy.map(([tenant]) => tenant));
}

export function demandOf(arrivals: readonly Arrival[]): Map<string, number> {
  const demands = new Map<string, number>();
  for (const arrival of arrivals) demands.set(arrival.tenant ?? "", (demands.get(arrival.tenant ?? "") ?? 0) + workOf(arrival));
  return demands;
}

function underLimit(arrivals: readonly Arrival[], perMinute: number): Arrival[] {
  const latest = new Map<string, number[]>();
  return arrivals.filter(({ at, tenant }) => {
    const recent = (latest.get(tenant ?? "") ?? []).filter((earlier) => earlier > at - 60_000_000);
    latest.set(tenant ?? "", recent);
    if (recent.length >= perMinute) return false;
    recent.push(at);
    return true;
  });
}

function play(arrivals: readonly Arrival[], { order, burst }: Pick<FairnessPolicy, "order" | "burst">): RequestRecord[] {
  const queue = fixtureQueue({ order, burst, lengthMax: 1_000_000, wait: week });
  const limits = { connect: seconds(2), firstToken: week, idle: week, total: week };
  const names = [...new Set(arrivals.map(({ tenant }) => tenant ?? ""))];
  const tenants = names.map((name, id) => ({ id: id as TenantId, name, priority: 0, weight: 1 }));
  const config = { ...fixtureConfig({ deployments: [{ concurrencyMax: places }], route: { queue, limits } }), tenants };
  const engine = { ...smallVllm.engine, sequencesMax: places, stepTime: { ...smallVllm.engine.stepTime, perStepUs: stepUs } };
  const records: RequestRecord[] = [];
  const scenario: CompiledScenario = {
    name: "fairness",
    config,
    endpoints: [{ ...smallVllm, engine: engine as typeof smallVllm.engine }],
    faults: [],
    replicas: oneReplica,
    defaultRoute: 0 as never,
    warmUp: micros(0),
    targets: [],
  };
  createWorld(scenario, {
    seed: 1,
    arrivals: arrivals[Symbol.iterator](),
    observer: { requestEnded: (record) => void records.push(record), breakerChanged: () => undefined },
  }).run();
  return records;
}

/** Service tokens that the request had by then: its prompt with its first token, its output evenly from there to its end. */
function servedBy({ first, end, inputTokens, outputTokens }: RequestRecord, until: Instant): number {
  if (first === null || first > until) return 0;
  const part = end <= until ? 1 : (until - first) / (end - first);
  return inputTokens + 2 * outputTokens * part;
}

const tickSeconds = 0.05;

interface FluidRequest {
  readonly place: number;
  left: number;
}

interface Fluid {
  /** Service tokens by tenant. */
  readonly shares: ReadonlyMap<string, number>;
  /** Arrival to end of every request, seconds, by its place; NaN: not ended by then. */
  readonly sojourn: Float64Array;
}

/** What a fluid server has given each tenant by then. */
function fluid(arrivals: readonly Arrival[], capacity: number, until: number): Fluid {
  const open = new Map<string, FluidRequest[]>();
  const shares = new Map<string, number>();
  const sojourn = new Float64Array(arrivals.length).fill(Number.NaN);
  let next = 0;
  for (let now = 0; now < until / 1_000_000 && (next < arrivals.length || open.size > 0); now += tickSeconds) {
    next = comeIn(arrivals, next, now, open, shares);
    const wanted = [...open].map(([tenant, requests]) => ({ tenant, requests, want: requests.reduce((sum, { left }) => sum + Math.min(left, perTick), 0) }));
    let left = capacity * tickSeconds;
    let among = wanted.length;
    for (const { tenant, requests, want } of wanted.toSorted((one, other) => one.want - other.want)) {
      const given = Math.min(want, left / among);
      left -= given;
      among -= 1;
      shares.set(tenant, (shares.get(tenant) ?? 0) + given);
      drainOldest(requests, given);
      for (const request of requests) if (request.left <= 1e-9) sojourn[request.place] = now + tickSeconds - (arrivals[request.place]?.at ?? 0) / 1_000_000;
      const still = requests.filter((request) => request.left > 1e-9);
      if (still.length === 0) open.delete(tenant);
      else open.set(tenant, still);
    }
  }
  return { shares, sojourn };
}

/** Those that have arrived by now; the place of the next one. */
function comeIn(arrivals: readonly Arrival[], from: number, now: number, open: Map<string, FluidRequest[]>, shares: Map<string, number>): number {
  let next = from;
  for (let arrival = arrivals[next]; arrival !== undefined && arrival.at / 1_000_000 <= now; arrival = arrivals[next]) {
    const tenant = arrival.tenant ?? "";
    open.set(tenant, [...(open.get(tenant) ?? []), { place: next, left: workOf(arrival) }]);
    if (!shares.has(tenant)) shares.set(tenant, 0);
    next += 1;
  }
  return next;
}

const perTick = requestRateMax * tickSeconds;

function drainOldest(requests: readonly FluidRequest[], given: number): void {
  let rest = given;
  for (const request of requests) {
    const served = Math.min(request.left, perTick, rest);
    request.left -= served;
    rest -= served;
    if (rest <= 0) return;
  }
}
