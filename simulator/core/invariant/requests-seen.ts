import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptId, EndpointId, FinishResult, RequestId, RouteId, RouteRequest } from "../../../router/core/messages.ts";
import type { SeenRequest } from "./seen.ts";
import type { Violate } from "./violation.ts";

export type Counts = { arrived: number } & Record<FinishResult["kind"], number>;

/** Open requests: I1 and, of a request, I2, I5 and I14. */
export class RequestsSeen {
  readonly #violate: Violate;
  readonly #open = new Map<RequestId, SeenRequest>();
  /** By RouteId: open requests that have had no attempt. */
  readonly #waiting: number[];
  readonly counts: Counts = { arrived: 0, served: 0, cut: 0, failed: 0, rejected: 0, "client-left": 0 };

  constructor({ routes }: CompiledConfig, violate: Violate) {
    this.#violate = violate;
    this.#waiting = routes.map(() => 0);
  }

  get open(): ReadonlyMap<RequestId, SeenRequest> {
    return this.#open;
  }

  activated({ routes }: CompiledConfig): void {
    for (const { id } of routes) this.#waiting[id] ??= 0;
  }

  arrived({ id, route, inputTokens, tags, residency, qualityMin = -1, only = -1 as EndpointId, costMaxNano }: RouteRequest, now: Instant): void {
    if (this.#open.has(id)) this.#violate("I1", `request slot ${id} is used twice at once`);
    this.#open.set(id, {
      route,
      path: [route],
      inputTokens,
      residency,
      qualityMin,
      only,
      anywhere: tags.length === 0 && residency === -1 && qualityMin === -1 && only === -1 && costMaxNano === undefined,
      arrivedAt: now,
      lastAt: now,
      underWay: [],
      attempts: 0,
    });
    this.counts.arrived += 1;
    this.#countWaiting(route, 1);
  }

  left(id: RequestId): void {
    if (!this.#open.has(id)) this.#violate("I14", `the client left request ${id}, which is not open`);
  }

  rerouted(id: RequestId, from: RouteId, to: RouteId): void {
    const request = this.#open.get(id);
    if (request === undefined) {
      this.#violate("I14", `request ${id} is rerouted, but is not open`);
      return;
    }
    request.path.push(to);
    if (request.path.indexOf(to) !== request.path.length - 1) this.#violate("I5", `request ${id} comes to route ${to} for the second time`);
    if (request.route !== from) this.#violate("I5", `request ${id} leaves route ${from}, but is at ${request.route}`);
    if (request.attempts === 0) this.#countWaiting(request.route, -1);
    request.route = to;
    if (request.attempts === 0) this.#countWaiting(to, 1);
  }

  /** A request's own instants only go forward. */
  advance(request: SeenRequest, at: Instant, what: string): void {
    if (at < request.lastAt) this.#violate("I2", `${what} at ${at}, before ${request.lastAt}`);
    request.lastAt = at;
  }

  attemptStarted(request: SeenRequest, attempt: AttemptId): void {
    if (request.attempts === 0) this.#countWaiting(request.route, -1);
    request.underWay.push(attempt);
    request.attempts += 1;
  }

  attemptEnded(id: RequestId, attempt: AttemptId, now: Instant): void {
    const request = this.#open.get(id);
    if (request === undefined) return;
    request.underWay.splice(request.underWay.indexOf(attempt), 1);
    this.advance(request, now, "an outcome");
  }

  /** @param attempts that it accounts for @returns whether it was open */
  finished(id: RequestId, result: FinishResult, attempts: number, at: Instant): boolean {
    const request = this.#open.get(id);
    if (request === undefined) {
      this.#violate("I1", `request ${id} ends, but is not open`);
      return false;
    }
    this.advance(request, at, "a request ends");
    if (request.underWay.length > 0) this.#violate("I14", `request ${id} ends while attempt ${request.underWay.join(", ")} is under way`);
    if (request.attempts !== attempts) this.#violate("I14", `request ${id} accounts for ${attempts} attempts, ${request.attempts} were started`);
    if (request.attempts === 0) this.#countWaiting(request.route, -1);
    this.#open.delete(id);
    this.counts[result.kind] += 1;
    return true;
  }

  /** @param versions that are live */
  checkQueues(versions: readonly CompiledConfig[], routes: CompiledConfig["routes"]): void {
    for (const { id } of routes) {
      const most = versions.reduce((length, version) => Math.max(length, version.routes[id]?.queue.lengthMax ?? 0), 0);
      if ((this.#waiting[id] ?? 0) > most) this.#violate("I5", `${this.#waiting[id]} requests wait at route ${id}, its queue holds ${most}`);
    }
  }

  /** At the end of a run, when nothing may be open any more. */
  checkAllEnded(): void {
    const { arrived, served, cut, failed, rejected } = this.counts;
    const ended = served + cut + failed + rejected + this.counts["client-left"];
    if (arrived !== ended) this.#violate("I1", `${arrived} requests arrived, ${ended} ended`);
  }

  #countWaiting(route: RouteId, change: number): void {
    this.#waiting[route] = (this.#waiting[route] ?? 0) + change;
  }
}
