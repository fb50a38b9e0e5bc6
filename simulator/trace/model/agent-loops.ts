import { exp, ln } from "../../../router/core/numeric.ts";
import { forkRandom, nextUnit, type RandomState } from "../../../router/core/random.ts";
import { exponential, logNormal } from "../../core/workload/random-draws.ts";
import { type TraceRow, rowOf } from "../trace-row.ts";

/**
 * Agents that call a model in a loop: parameters measured over 739 recorded coding sessions (kv-cache-tester, Apache-2.0). A session makes a log-normal number of calls
 * (median 45, 10 % above 155); most follow a tool's result after a log-normal gap (mu 2.54, sigma 1.28 of seconds), one in eleven a person's (mu 4.91, sigma 1.74). Its
 * context begins with tools and system prompt, the same for all agents, grows by what is new at each call, and is compacted to 20 % at one call in two hundred or when it
 * is full. Sessions are begun half a day before the first instant, so that there are old ones from the start.
 */
const calls = { mu: ln(45), sigma: 0.965 } as const;
const meanCalls = 45 * exp((0.965 * 0.965) / 2);
const toolGapS = { mu: 2.54, sigma: 1.28 } as const;
const userGapS = { mu: 4.91, sigma: 1.74 } as const;
const userShare = 0.09;
const compactionShare = 0.0052;
const contextMax = 330_000;
const sharedTokens = 15_000;
/** Tokens at shares of all; between them by straight lines in the logarithm. */
const startTokens = [0, 6343, 0.25, 18_726, 0.5, 24_775, 0.75, 105_061, 1, 330_000] as const;
const newTokens = [0, 40, 0.1, 230, 0.5, 705, 0.9, 4064, 0.99, 40_000, 1, 61_166] as const;
const outputTokens = [0, 5, 0.1, 103, 0.5, 217, 0.9, 907, 0.99, 3621, 1, 13_442] as const;
const runInS = 43_200;
/** Ids of agents' blocks begin here; those of other requests stay below. */
const firstBlock = 1 << 28;

interface Agent {
  readonly name: string;
  readonly blocks: number[];
  callsLeft: number;
  contextTokens: number;
  atS: number;
}

export class AgentLoops {
  readonly #random: RandomState;
  readonly #sessionsPerSecond: number;
  readonly #blockTokens: number;
  readonly #agents: Agent[] = [];
  #nextStartS = -runInS;
  #sessions = 0;
  #nextBlock: number;

  /** @param callsPerSecond of all agents, in the long run */
  constructor(seed: number, callsPerSecond: number, blockTokens: number) {
    this.#random = forkRandom(seed, "generate agents");
    this.#sessionsPerSecond = callsPerSecond / meanCalls;
    this.#blockTokens = blockTokens;
    this.#nextBlock = firstBlock + Math.ceil(sharedTokens / blockTokens);
    this.#planStart();
  }

  /** The calls before an instant that were not taken yet, in their order. */
  *until(untilUs: number): Generator<TraceRow, void, undefined> {
    for (;;) {
      const next = this.#earliest();
      const atS = Math.min(next?.atS ?? Infinity, this.#nextStartS);
      if (atS * 1_000_000 >= untilUs) return;
      if (next === null || this.#nextStartS <= next.atS) this.#start();
      else {
        const row = this.#call(next);
        if (row !== null) yield row;
      }
    }
  }

  #start(): void {
    const context = tableAt(startTokens, nextUnit(this.#random));
    this.#agents.push({
      name: `agent-${this.#sessions}`,
      blocks: [],
      callsLeft: Math.max(1, Math.round(logNormal(this.#random, calls.mu, calls.sigma))),
      contextTokens: context,
      atS: this.#nextStartS,
    });
    this.#sessions += 1;
    this.#planStart();
  }

  #planStart(): void {
    this.#nextStartS += exponential(this.#random) / this.#sessionsPerSecond;
  }

  #call(agent: Agent): TraceRow | null {
    const random = this.#random;
    const output = tableAt(outputTokens, nextUnit(random));
    const input = agent.contextTokens;
    this.#extend(agent);
    const row =
      agent.atS < 0
        ? null
        : rowOf(Math.floor(agent.atS * 1_000_000), input, output, {
            blocks: [...agent.blocks],
            session: agent.name,
            tenant: "agents",
            features: { task: "code", tools: true },
          });
    agent.callsLeft -= 1;
    if (agent.callsLeft === 0) this.#agents.splice(this.#agents.indexOf(agent), 1);
    const gap = nextUnit(random) < userShare ? userGapS : toolGapS;
    agent.atS += logNormal(random, gap.mu, gap.sigma);
    agent.contextTokens += output + tableAt(newTokens, nextUnit(random));
    if (nextUnit(random) < compactionShare || agent.contextTokens > contextMax) {
      agent.contextTokens = Math.max(sharedTokens + 1000, Math.round(0.2 * Math.min(contextMax, agent.contextTokens)));
      agent.blocks.length = Math.min(agent.blocks.length, Math.ceil(sharedTokens / this.#blockTokens));
    }
    return row;
  }

  /** Whole blocks only, as long as the context; the partial last one is not shared. */
  #extend(agent: Agent): void {
    const length = Math.floor(agent.contextTokens / this.#blockTokens);
    const shared = Math.floor(sharedTokens / this.#blockTokens);
    while (agent.blocks.length < length) {
      const place = agent.blocks.length;
      agent.blocks.push(place < shared ? firstBlock + place : this.#nextBlock);
      if (place >= shared) this.#nextBlock += 1;
    }
  }

  #earliest(): Agent | null {
    let earliest: Agent | null = null;
    for (const agent of this.#agents) if (earliest === null || agent.atS < earliest.atS) earliest = agent;
    return earliest;
  }
}

/** @param table shares and values in turns */
function tableAt(table: readonly number[], share: number): number {
  let place = 2;
  while (place < table.length - 2 && (table[place] ?? 1) < share) place += 2;
  const [lowShare = 0, low = 1, highShare = 1, high = 1] = table.slice(place - 2, place + 2);
  return Math.round(exp(ln(low) + ((ln(high) - ln(low)) * (share - lowShare)) / (highShare - lowShare)));
}
