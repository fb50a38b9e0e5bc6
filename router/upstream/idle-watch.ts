import { performance } from "node:perf_hooks";

/**
 * Tells when a stream has stood still for its limit. The time in which the caller, not the provider, holds the stream up does not count. A chunk costs one
 * clock reading: the timer is set again only when it fires. One that is late lets a poll phase pass, so that a chunk which lies in the socket still counts.
 */
export class IdleWatch {
  readonly #limitMs: number;
  readonly #onIdle: () => void;
  #lastMs = 0;
  #held = false;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(limitMs: number, onIdle: () => void) {
    this.#limitMs = limitMs;
    this.#onIdle = onIdle;
  }

  start(): void {
    this.touch();
    this.#arm(this.#limitMs);
  }

  touch(): void {
    this.#lastMs = performance.now();
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.touch();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #arm(waitMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      if (this.#remainingMs() > 0) this.#arm(this.#remainingMs());
      else setImmediate(this.#check);
    }, Math.ceil(waitMs));
  }

  readonly #check = (): void => {
    if (this.#stopped) return;
    const remainingMs = this.#remainingMs();
    if (remainingMs > 0) this.#arm(remainingMs);
    else {
      this.stop();
      this.#onIdle();
    }
  };

  #remainingMs(): number {
    return this.#held ? this.#limitMs : this.#limitMs - (performance.now() - this.#lastMs);
  }
}
