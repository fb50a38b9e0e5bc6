import { assert } from "../../../router/core/assert.ts";
import type { Instant } from "../../../router/core/machine.ts";
import { never } from "../../../router/core/time.ts";

/** Microseconds from a change of the counts to the front end's knowing it. */
const publishEveryUs = 100_000;

/**
 * How vLLM's front end spreads requests over data-parallel ranks: to the least of 4 x waiting + running, the first of equals. It adds every request that it sends to
 * the waiting ones it knows of. With mixture-of-experts models a coordinator tells the true counts 100 ms after they have changed; dense ranks do not report, so that
 * there it comes down to taking turns. Source: vLLM v1/engine/core_client.py (DPLBAsyncMPClient), coordinator.py.
 */
export class RankBalancer {
  readonly #waiting: number[];
  readonly #running: number[];
  readonly #reported: boolean;
  #publishesAt: Instant = never;

  constructor(ranks: number, reported: boolean) {
    assert(ranks >= 1, "at least one rank");
    this.#waiting = Array.from({ length: ranks }, () => 0);
    this.#running = [...this.#waiting];
    this.#reported = reported;
  }

  /** When the counts are to be published; never: they have not changed. */
  get publishesAt(): Instant {
    return this.#publishesAt;
  }

  choose(): number {
    let best = 0;
    for (let rank = 1; rank < this.#waiting.length; rank++) if (this.#scoreOf(rank) < this.#scoreOf(best)) best = rank;
    this.#waiting[best] = (this.#waiting[best] ?? 0) + 1;
    return best;
  }

  /** Somebody came or went. */
  changed(now: Instant): void {
    if (this.#reported && this.#publishesAt === never) this.#publishesAt = (now + publishEveryUs) as Instant;
  }

  publish(counts: readonly { readonly waiting: number; readonly running: number }[]): void {
    for (const [rank, { waiting, running }] of counts.entries()) {
      this.#waiting[rank] = waiting;
      this.#running[rank] = running;
    }
    this.#publishesAt = never;
  }

  #scoreOf(rank: number): number {
    return 4 * (this.#waiting[rank] ?? 0) + (this.#running[rank] ?? 0);
  }
}
