/**
 * Active probes of a run, by endpoint and outcome, and what they have made of the endpoint: how often they took it out, of all replicas of the router, and whether the replica
 * that changed its mind last finds it well. What a crash of the replica has left unanswered is not counted.
 */
import type { EndpointId } from "../../../router/core/messages.ts";

export interface ProbeCount {
  readonly healthy: number;
  readonly unhealthy: number;
  readonly takenOut: number;
  readonly well: boolean;
}

export class ProbeTally {
  /** By EndpointId; absent: never asked. */
  readonly #counts: (ProbeCount | undefined)[] = [];

  ended(endpoint: EndpointId, healthy: boolean): void {
    const count = this.#countOf(endpoint);
    this.#counts[endpoint] = healthy ? { ...count, healthy: count.healthy + 1 } : { ...count, unhealthy: count.unhealthy + 1 };
  }

  changed(endpoint: EndpointId, well: boolean): void {
    const count = this.#countOf(endpoint);
    this.#counts[endpoint] = { ...count, well, takenOut: count.takenOut + (well ? 0 : 1) };
  }

  /** By EndpointId, as they are now. */
  counts(): readonly (ProbeCount | undefined)[] {
    return [...this.#counts];
  }

  #countOf(endpoint: EndpointId): ProbeCount {
    return this.#counts[endpoint] ?? { healthy: 0, unhealthy: 0, takenOut: 0, well: true };
  }
}
