/**
 * Attempts of one request side by side (hedges): I14 none starts beside one that may still answer, but where its route hedges, then only one, at another endpoint; at most
 * one is committed, and after it none starts. I6 no more hedges than the requests of the route have earned.
 */
import type { CompiledConfig, HedgeSpec } from "../../../router/core/compiled-config.ts";
import type { AttemptId, EndpointId, RequestId, RouteId } from "../../../router/core/messages.ts";

interface Racer {
  readonly id: AttemptId;
  readonly endpoint: EndpointId;
  /** Told to end. */
  aborted: boolean;
}

interface Race {
  readonly racers: Racer[];
  committed: boolean;
}

type Violate = (invariant: "I6" | "I14", what: string) => void;

export class RaceInvariant {
  readonly #violate: Violate;
  readonly #races = new Map<RequestId, Race>();
  readonly #requestOf = new Map<AttemptId, RequestId>();
  /** By RouteId. */
  readonly #arrived: number[] = [];
  readonly #hedges: number[] = [];
  /** By RouteId: the largest share of any version so far. */
  readonly #perMille: number[] = [];

  constructor(violate: Violate) {
    this.#violate = violate;
  }

  arrived(id: RequestId, route: RouteId): void {
    this.#races.set(id, { racers: [], committed: false });
    this.#arrived[route] = (this.#arrived[route] ?? 0) + 1;
  }

  /** @param route where the request is now @param hedge what it allows there */
  started(request: RequestId, route: RouteId, hedge: HedgeSpec | null, attempt: { readonly id: AttemptId; readonly endpoint: EndpointId }): void {
    const race = this.#races.get(request);
    if (race === undefined) return;
    const others = race.racers.filter(({ aborted }) => !aborted);
    if (race.committed) this.#violate("I14", `an attempt of request ${request}, which is answered already`);
    if (others.length > (hedge === null ? 0 : 1)) this.#violate("I14", `an attempt of request ${request} beside ${others.length} that may still answer`);
    if (others.some(({ endpoint }) => endpoint === attempt.endpoint))
      this.#violate("I14", `two attempts of request ${request} at endpoint ${attempt.endpoint}`);
    if (others.length > 0) this.#countHedge(route);
    race.racers.push({ ...attempt, aborted: false });
    this.#requestOf.set(attempt.id, request);
  }

  /** What the versions of the configuration let a route's requests earn. */
  mayEarn({ routes }: CompiledConfig): void {
    for (const { id, hedge } of routes) this.#perMille[id] = Math.max(hedge?.budgetPerMille ?? 0, this.#perMille[id] ?? 0);
  }

  #countHedge(route: RouteId): void {
    const budgetPerMille = this.#perMille[route] ?? 0;
    const hedges = (this.#hedges[route] ?? 0) + 1;
    this.#hedges[route] = hedges;
    const earned = (budgetPerMille * (this.#arrived[route] ?? 0)) / 1000;
    if (hedges > earned) this.#violate("I6", `${hedges} hedges at route ${route}, its requests have earned ${earned}`);
  }

  aborted(id: AttemptId): void {
    const racer = this.#raceOf(id)?.racers.find((one) => one.id === id);
    if (racer === undefined) this.#violate("I14", `abort-attempt for attempt ${id}, which is not under way`);
    else racer.aborted = true;
  }

  committed(id: AttemptId): void {
    const race = this.#raceOf(id);
    const racer = race?.racers.find((one) => one.id === id);
    if (race === undefined || racer === undefined || racer.aborted) {
      this.#violate("I14", `commit-attempt for attempt ${id}, which is not under way`);
      return;
    }
    if (race.committed) this.#violate("I14", `a second commit, of attempt ${id}`);
    race.committed = true;
  }

  ended(id: AttemptId): void {
    const race = this.#raceOf(id);
    if (race !== undefined) race.racers.splice(0, race.racers.length, ...race.racers.filter((one) => one.id !== id));
    this.#requestOf.delete(id);
  }

  finished(id: RequestId): void {
    this.#races.delete(id);
  }

  #raceOf(id: AttemptId): Race | undefined {
    const request = this.#requestOf.get(id);
    return request === undefined ? undefined : this.#races.get(request);
  }
}
