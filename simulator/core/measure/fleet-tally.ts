import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { EndpointModelSpec } from "../compiled-scenario.ts";
import type { EndpointSignals } from "../endpoint.ts";

/**
 * What the endpoints did, from samples at even distances. Utilisation comes in two figures, both weighted by the time in which steps ran: sequences per step
 * against max_num_seqs, and tokens per step against max_num_batched_tokens. Within a sampling interval steps count alike. KV use and queues are means of the
 * samples. A hosted API has no steps: its figures are null.
 */
export interface EndpointUse {
  /** Of the time sampled, percent; null: no sample, or no engine. */
  readonly busyPercent: number | null;
  readonly sequencesPercent: number | null;
  readonly tokensPercent: number | null;
  readonly kvUsedPercent: number | null;
  readonly waitingMean: number | null;
  readonly waitingMax: number;
  readonly preemptions: number;
  readonly busy: Duration;
  readonly sampled: Duration;
}

interface Tally {
  readonly sequencesMax: number;
  readonly tokensMax: number;
  last: EndpointSignals | null;
  busy: number;
  sequences: number;
  tokens: number;
  kvUsed: number;
  waiting: number;
  waitingMax: number;
  samples: number;
}

export class FleetTally {
  readonly #tallies: readonly Tally[];
  #firstAt: Instant | null = null;
  #lastAt = 0;

  constructor(endpoints: readonly EndpointModelSpec[]) {
    this.#tallies = endpoints.map((spec) => ({
      sequencesMax: spec.kind === "vllm" ? spec.engine.sequencesMax : 0,
      tokensMax: spec.kind === "vllm" ? spec.engine.batchedTokensMax : 0,
      last: null,
      busy: 0,
      sequences: 0,
      tokens: 0,
      kvUsed: 0,
      waiting: 0,
      waitingMax: 0,
      samples: 0,
    }));
  }

  /** @param signals by EndpointId */
  sample(now: Instant, signals: readonly EndpointSignals[]): void {
    this.#firstAt ??= now;
    this.#lastAt = now;
    for (const [endpoint, tally] of this.#tallies.entries()) {
      const signal = signals[endpoint];
      if (signal === undefined) continue;
      addState(tally, signal);
      addWork(tally, signal);
    }
  }

  /** The work since the last sample, up to the end of the run: machines are there until then. */
  end(now: Instant, signals: readonly EndpointSignals[]): void {
    if (now <= this.#lastAt) return;
    this.#lastAt = now;
    for (const [endpoint, tally] of this.#tallies.entries()) {
      const signal = signals[endpoint];
      if (signal !== undefined) addWork(tally, signal);
    }
  }

  /** By EndpointId. */
  uses(): readonly EndpointUse[] {
    const sampled = (this.#firstAt === null ? 0 : this.#lastAt - this.#firstAt) as Duration;
    return this.#tallies.map((tally) => useOf(tally, sampled));
  }
}

function addState(tally: Tally, signal: EndpointSignals): void {
  tally.samples += 1;
  tally.kvUsed += signal.kvUsed;
  tally.waiting += signal.waiting;
  tally.waitingMax = Math.max(tally.waitingMax, signal.waiting);
}

function addWork(tally: Tally, signal: EndpointSignals): void {
  const { last } = tally;
  tally.last = signal;
  if (last === null) return;
  const busy = signal.busy - last.busy;
  const steps = signal.steps - last.steps;
  tally.busy += busy;
  if (steps === 0 || tally.sequencesMax === 0) return;
  tally.sequences += (busy * (signal.stepSequences - last.stepSequences)) / steps / tally.sequencesMax;
  tally.tokens += (busy * (signal.stepTokens - last.stepTokens)) / steps / tally.tokensMax;
}

function useOf(tally: Tally, sampled: Duration): EndpointUse {
  const isEngine = tally.sequencesMax > 0;
  const percent = (part: number, whole: number): number | null => (isEngine && whole > 0 ? (100 * part) / whole : null);
  return {
    busyPercent: percent(tally.busy, sampled),
    sequencesPercent: percent(tally.sequences, tally.busy),
    tokensPercent: percent(tally.tokens, tally.busy),
    kvUsedPercent: percent(tally.kvUsed, tally.samples),
    waitingMean: isEngine && tally.samples > 0 ? tally.waiting / tally.samples : null,
    waitingMax: tally.waitingMax,
    preemptions: tally.last?.preemptions ?? 0,
    busy: tally.busy as Duration,
    sampled,
  };
}
