/**
 * Signals of engines, as replicas see them: each replica asks every engine once per interval (replicas take turns within it, so that their pictures differ), and hears the
 * answer `delay` later. What a policy knows is then between `delay` and `every + delay` old. Hosted APIs say nothing of their load.
 */
import type { Instant } from "../../router/core/machine.ts";
import type { EndpointId, RouterEvent } from "../../router/core/messages.ts";
import { after, instantAt, never } from "../../router/core/time.ts";
import type { SignalsSpec } from "./compiled-scenario.ts";
import type { EndpointSignals } from "./endpoint.ts";
import type { Later } from "./kernel/later.ts";
import type { Source } from "./kernel/virtual-driver.ts";

export interface ScrapeOptions {
  readonly spec: SignalsSpec;
  readonly replicas: number;
  readonly endpoints: readonly EndpointId[];
  readonly later: Later;
  readonly now: () => Instant;
  /** False: nothing is open and nothing will come. */
  readonly wanted: () => boolean;
  readonly observe: (endpoint: EndpointId, now: Instant) => EndpointSignals;
  readonly tell: (replica: number, event: RouterEvent) => void;
}

export class Scrape implements Source {
  readonly #options: ScrapeOptions;
  #next = 0;

  constructor(options: ScrapeOptions) {
    this.#options = options;
  }

  get notBefore(): Instant {
    const { spec, replicas, endpoints } = this.#options;
    return endpoints.length === 0 ? never : instantAt(Math.floor((this.#next * spec.every) / replicas));
  }

  nextAt(): Instant {
    const { spec, replicas, now, wanted } = this.#options;
    if (!wanted()) return never;
    // Between the calls of sessions nothing may be open for a while.
    if (this.notBefore < now()) this.#next = Math.ceil((now() * replicas) / spec.every);
    return this.notBefore;
  }

  happen(now: Instant): void {
    const { spec, replicas, endpoints, later, observe, tell } = this.#options;
    const replica = this.#next % replicas;
    this.#next += 1;
    for (const endpoint of endpoints) {
      const { running, waiting, kvUsed } = observe(endpoint, now);
      later.send(after(now, spec.delay), () => tell(replica, { kind: "signal-observed", endpoint, signals: { running, waiting, kvUsed }, sampledAt: now }));
    }
  }
}
