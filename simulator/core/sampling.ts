/** Samples of the endpoints' state, every so often, while anything is open or to come. Looking changes nothing. */
import type { Duration, Instant } from "../../router/core/machine.ts";
import { after, instantAt, never, startOfTime } from "../../router/core/time.ts";
import type { Source } from "./kernel/virtual-driver.ts";

export interface SamplingOptions {
  readonly every: Duration;
  readonly now: () => Instant;
  /** False: nothing is open and nothing will come. */
  readonly wanted: () => boolean;
  readonly sample: (now: Instant) => void;
}

export class Sampling implements Source {
  readonly #options: SamplingOptions;
  /** The next sample, should any be wanted by then. */
  notBefore = startOfTime;

  constructor(options: SamplingOptions) {
    this.#options = options;
  }

  nextAt(): Instant {
    const { every, now, wanted } = this.#options;
    if (!wanted()) return never;
    // Between the calls of sessions nothing may be open for a while.
    if (this.notBefore < now()) this.notBefore = instantAt(Math.ceil(now() / every) * every);
    return this.notBefore;
  }

  happen(now: Instant): void {
    this.notBefore = after(now, this.#options.every);
    this.#options.sample(now);
  }
}
