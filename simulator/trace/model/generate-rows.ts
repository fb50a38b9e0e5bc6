import { forkRandom, keyedUnit, nextBelow, nextUnit, purposeOf, type RandomState } from "../../../router/core/random.ts";
import { dirichlet, drawPlace, poisson } from "../../core/workload/random-draws.ts";
import { type TraceRow, rowOf } from "../trace-row.ts";
import { AgentLoops } from "./agent-loops.ts";
import { PastRequests } from "./past-requests.ts";
import type { SampleRow, WorkloadModel } from "./workload-model.ts";

/** Four ways to grow; 1 is as fitted. Growing the rate alone would keep the number of tenants and sessions, and understate what caches have to hold. */
export interface Growth {
  /** Times as many tenants, each like one of the source's. */
  readonly tenants: number;
  /** Times as many requests of each tenant. */
  readonly rate: number;
  /** Times as many tokens per request, in and out. */
  readonly tokens: number;
  /** Of all requests, by agent loops; 0: none are added. */
  readonly agentShare: number;
}
export const noGrowth: Growth = { tenants: 1, rate: 1, tokens: 1, agentShare: 0 };

export interface GenerateOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly growth: Growth;
  /** poisson: at the model's mean rate, without envelope and bursts: what not to do, to compare with. */
  readonly arrivals: "fitted" | "poisson";
}

const copiesPurpose = purposeOf("copies of a tenant");

/**
 * Draws requests from a model. Arrivals, rows, tenants and prefixes have streams of their own, so that a change of one knob does not shift the draws of the others.
 * The envelope begins again at its end.
 */
export function* generateRows(model: WorkloadModel, options: GenerateOptions): Generator<TraceRow, void, undefined> {
  const fork = (name: string): RandomState => forkRandom(options.seed, `generate ${name}`);
  const [arrivals, rows, tenants] = [fork("arrivals"), fork("rows"), fork("tenants")];
  const tenantGrowth = new TenantGrowth(model, options);
  const past = model.sessions ? new PastRequests(model, fork("prefixes")) : null;
  const scale = options.growth.rate * tenantGrowth.traffic;
  const agents = agentsOf(model, options, scale);
  for (let minute = 0; minute < options.minutes; minute += 1) {
    for (const atUs of arrivalsOfMinute(model, options.arrivals, minute, scale, arrivals)) {
      const sampled = tenantGrowth.draw(rows);
      const inputTokens = scaled(sampled[0], options.growth.tokens);
      const outputTokens = scaled(sampled[1], options.growth.tokens);
      const tenant = tenantGrowth.nameOf(sampled, tenants);
      const route = model.routes[sampled[5]] ?? null;
      const prefix = past?.next(atUs, sampled, inputTokens, options.growth.tokens) ?? { blocks: null, session: null };
      if (agents !== null) yield* agents.until(atUs);
      yield rowOf(atUs, inputTokens, outputTokens, { tenant, route, ...prefix });
    }
  }
  if (agents !== null) yield* agents.until(options.minutes * 60_000_000);
}

/** Of blocks that agents' requests have where the model's have none. */
export const agentBlockTokens = 64;

function agentsOf(model: WorkloadModel, { seed, growth }: GenerateOptions, scale: number): AgentLoops | null {
  if (growth.agentShare === 0) return null;
  const othersPerSecond = (scale * model.envelope.reduce((sum, rate) => sum + rate, 0)) / model.envelope.length / 60;
  return new AgentLoops(seed, (othersPerSecond * growth.agentShare) / (1 - growth.agentShare), model.blockTokens ?? agentBlockTokens);
}

const scaled = (tokens: number, factor: number): number => (tokens === 0 ? 0 : Math.max(1, Math.round(tokens * factor)));

function arrivalsOfMinute(model: WorkloadModel, kind: GenerateOptions["arrivals"], minute: number, scale: number, random: RandomState): readonly number[] {
  const { envelope, bursts } = model;
  const mean = kind === "poisson" ? envelope.reduce((sum, rate) => sum + rate, 0) / envelope.length : (envelope[minute % envelope.length] ?? 0);
  const total = poisson(random, mean * scale);
  const even = kind === "poisson";
  const tens = cumulative(dirichlet(random, 6, even ? null : bursts.tenSeconds));
  const seconds = Array.from({ length: 6 }, () => cumulative(dirichlet(random, 10, even ? null : bursts.seconds)));
  const instants = Array.from({ length: total }, () => {
    const ten = drawPlace(random, tens);
    const second = drawPlace(random, seconds[ten] ?? [1]);
    return Math.floor((minute * 60 + ten * 10 + second + nextUnit(random)) * 1_000_000);
  });
  return instants.toSorted((one, other) => one - other);
}

function cumulative(shares: readonly number[]): readonly number[] {
  let sum = 0;
  return shares.map((share) => (sum += share));
}

/** Copies of tenants: 1.5 times as many are all of them, and half of them once more. */
class TenantGrowth {
  readonly #model: WorkloadModel;
  readonly #seed: number;
  readonly #factor: number;
  /** Of the traffic, by the copies that there are. */
  readonly traffic: number;

  constructor(model: WorkloadModel, { seed, growth }: GenerateOptions) {
    this.#model = model;
    this.#seed = seed;
    this.#factor = growth.tenants;
    const copies = model.sample.reduce((sum, row) => sum + this.#copies(row[4]), 0);
    this.traffic = model.tenants.length === 0 ? growth.tenants : copies / model.sample.length;
  }

  draw(random: RandomState): SampleRow {
    const { sample, tenants } = this.#model;
    const most = Math.ceil(this.#factor);
    for (;;) {
      const row = sample[nextBelow(random, sample.length)] ?? [0, 0, 0, -1, -1, -1];
      if (tenants.length === 0 || this.traffic === 0 || nextUnit(random) * most < this.#copies(row[4])) return row;
    }
  }

  nameOf(row: SampleRow, random: RandomState): string | null {
    const name = this.#model.tenants[row[4]];
    if (name === undefined) return null;
    const copy = nextBelow(random, Math.max(1, this.#copies(row[4])));
    return copy === 0 ? name : `${name}+${copy}`;
  }

  #copies(tenant: number): number {
    const whole = Math.floor(this.#factor);
    return tenant < 0 || keyedUnit(this.#seed, copiesPurpose, tenant, 0) >= this.#factor - whole ? whole : whole + 1;
  }
}
