import { performance } from "node:perf_hooks";

export interface IdleListener {
  onIdle(): void;
}

/**
 * Tells when a stream has stood still for its limit. The time in which the caller, not the provider, holds the stream up does not count. A chunk costs one
 * clock reading: the timer is set again only when it fires. One that is late lets a poll phase pass, so that a chunk which lies in the socket still counts.
 */
export class IdleWatch {
  readonly #limitMs: number;
  readonly #listener: IdleListener;
  #lastMs = performance.now();
  #held: boolean;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** @param held by the caller */
  constructor(limitMs: number, held: boolean, listener: IdleListener) {
    this.#limitMs = limitMs;
    this.#held = held;
    this.#listener = listener;
    this.#arm(limitMs);
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
    if (!this.#stopped) this.#timer = setTimeout(fire, Math.ceil(waitMs), this);
  }

  fire(): void {
    const remainingMs = this.#remainingMs();
    if (remainingMs > 0) this.#arm(remainingMs);
    else setImmediate(check, this);
  }

  check(): void {
    if (this.#stopped) return;
    const remainingMs = this.#remainingMs();
    if (remainingMs > 0) this.#arm(remainingMs);
    else {
      this.stop();
      this.#listener.onIdle();
    }
  }

  #remainingMs(): number {
    return this.#held ? this.#limitMs : this.#limitMs - (performance.now() - this.#lastMs);
  }
}

const fire = (watch: IdleWatch): void => watch.fire();
const check = (watch: IdleWatch): void => watch.check();
