import type { CompiledConfig } from "../core/compiled-config.ts";
import type { RequestId } from "../core/messages.ts";
import type { LoadNow } from "../telemetry/router-metrics.ts";
import type { RequestInFlight } from "./request-in-flight.ts";
import { Slots } from "./slots.ts";

/** From admission to finish-request. */
export class RequestsUnderWay {
  readonly #slots = new Slots<RequestInFlight>();
  #onIdle: (() => void) | null = null;

  admit(make: (id: RequestId) => RequestInFlight): RequestInFlight {
    return this.#slots.take((id) => make(id as RequestId));
  }

  get(id: RequestId): RequestInFlight {
    const request = this.#slots.at(id);
    if (request === null) throw new Error(`assertion: there is no request in slot ${id}`);
    return request;
  }

  hasLeft(id: RequestId): boolean {
    return this.#slots.at(id)?.hasLeft === true;
  }

  release(id: RequestId): void {
    this.#slots.release(id);
  }

  forEach(visit: (request: RequestInFlight) => void): void {
    this.#slots.forEach(visit);
  }

  load({ routes }: CompiledConfig): LoadNow {
    const waiting = routes.map(() => 0);
    this.forEach((request) => {
      if (request.underWay === 0) waiting[request.route.id] = (waiting[request.route.id] ?? 0) + 1;
    });
    return { inFlight: this.#slots.inUse, waiting };
  }

  /** Resolves when the last request has ended, or after the limit; whether it was the former. */
  async idle(limitMs: number): Promise<boolean> {
    if (this.#slots.inUse === 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  /** A request has been answered and booked. */
  ended(): void {
    if (this.#slots.inUse === 0) this.#onIdle?.();
  }
}
