import type { CompiledConfig, EndpointSpec, RouteSpec } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptOutcome, DeploymentId, EndpointId, PeerReport, RouterCommand } from "../../../router/core/messages.ts";
import { coolDefault } from "../../../router/core/retry.ts";
import { FleetSeen } from "./fleet-seen.ts";
import { mayBeKept, otherForUnhealthy } from "./health-invariant.ts";
import { placeProblem } from "./place-invariant.ts";
import { newSeenEndpoint, type SeenAttempt, type SeenEndpoint, type SeenRequest } from "./seen.ts";
import type { VersionsSeen } from "./versions-seen.ts";
import type { Violate } from "./violation.ts";

type StartAttempt = Extract<RouterCommand, { kind: "start-attempt" }>;
type BreakerChanged = Extract<RouterCommand, { kind: "breaker-changed" }>;

/** Endpoints as attempts, probes, breakers and peers leave them, and whether an attempt may go there: I5 of concurrency, I7, I15, I16. */
export class EndpointsSeen {
  readonly #versions: VersionsSeen;
  readonly #violate: Violate;
  readonly #fleet: FleetSeen;
  readonly #endpoints: SeenEndpoint[];
  /** By DeploymentId: attempts in flight per endpoint. */
  readonly #limits: number[];

  constructor(config: CompiledConfig, versions: VersionsSeen, violate: Violate) {
    this.#versions = versions;
    this.#violate = violate;
    this.#fleet = new FleetSeen(config, versions);
    this.#endpoints = config.endpoints.map(newSeenEndpoint);
    this.#limits = config.deployments.map(({ adaptiveLimit, concurrencyMax }) => adaptiveLimit?.min ?? concurrencyMax);
  }

  /** Before the versions hear of it. */
  activated(config: CompiledConfig): void {
    this.#fleet.activated(config);
    for (const { id } of config.endpoints) this.#endpoints[id] ??= newSeenEndpoint();
    for (const { id, adaptiveLimit, concurrencyMax } of config.deployments) this.#limits[id] ??= adaptiveLimit?.min ?? concurrencyMax;
  }

  fleetChanged(joined: readonly EndpointSpec[], left: readonly EndpointId[]): void {
    for (const { id } of joined) this.#endpoints[id] ??= newSeenEndpoint();
    this.#fleet.changed(joined, left);
  }

  /** Its slot begins anew. */
  forgotten(id: EndpointId): void {
    const endpoint = this.#endpoints[id];
    const may = this.#fleet.forgotten(id);
    if (endpoint === undefined || !may || endpoint.inFlight > 0) this.#violate("I14", `endpoint ${id} is forgotten, but has not left`);
    this.#endpoints[id] = newSeenEndpoint();
  }

  peerReported({ endpoint: id, why }: PeerReport): void {
    const endpoint = this.#endpoints[id];
    if (endpoint !== undefined) endpoint.peerPartial = why === "failure-rate";
  }

  healthChanged(id: EndpointId, healthy: boolean): void {
    (this.#endpoints[id] ??= newSeenEndpoint()).healthy = healthy;
  }

  limitChanged(id: DeploymentId, limit: number): void {
    const deployment = this.#versions.stable.deployments[id];
    // Of those that only another version has, it is not seen whose rule holds.
    if (
      deployment?.gone !== true &&
      (deployment === undefined || limit > deployment.concurrencyMax || limit < (deployment.adaptiveLimit?.min ?? deployment.concurrencyMax))
    )
      this.#violate("I5", `the limit of deployment ${id} is set to ${limit}`);
    this.#limits[id] = limit;
  }

  breakerChanged({ endpoint: id, from, to, why }: BreakerChanged, at: Instant): void {
    const endpoint = this.#endpoints[id];
    if (endpoint === undefined) return;
    if (endpoint.phase !== from) this.#violate("I7", `breaker ${id} changes from ${from} at ${at}, but was ${endpoint.phase}`);
    endpoint.phase = to;
    if (to === "closed") endpoint.partial = false;
    else if (to === "open") endpoint.partial = why === "failure-rate" || (why === "peer-reported" && endpoint.peerPartial);
    endpoint.epoch += 1;
    endpoint.probing = 0;
  }

  has(id: EndpointId): boolean {
    return this.#endpoints[id] !== undefined;
  }

  isIdle(id: EndpointId, now: Instant): boolean {
    const endpoint = this.#endpoints[id];
    return endpoint?.phase === "closed" && endpoint.healthy && endpoint.coolUntil < now && endpoint.inFlight < this.#limitOf(id) && !this.#fleet.hasLeft(id);
  }

  /** By EndpointId; -1: no request goes there. */
  placesNow(): DeploymentId[] {
    return this.#fleet.placesNow();
  }

  /** @returns the phase of the endpoint's breaker that the attempt probes in; null: it is no probe */
  attemptStarted(command: StartAttempt, request: SeenRequest, config: CompiledConfig, at: Instant): number | null {
    const endpoint = this.#endpoints[command.endpoint];
    if (endpoint === undefined) return null;
    this.#checkBreaker(command.endpoint, endpoint, config, config.routes[request.route]);
    if (!endpoint.healthy) this.#checkHealth(command.endpoint, request, at);
    endpoint.inFlight += 1;
    this.#checkPlace(command, request, endpoint, config);
    return endpoint.phase === "half-open" ? endpoint.epoch : null;
  }

  attemptEnded(attempt: SeenAttempt, outcome: AttemptOutcome, now: Instant): void {
    const endpoint = this.#endpoints[attempt.endpoint];
    if (endpoint !== undefined) {
      endpoint.inFlight -= 1;
      if (outcome.failure === "rate-limited" || outcome.failure === "draining")
        endpoint.coolUntil = Math.max(endpoint.coolUntil, now + (outcome.retryAfter ?? coolDefault));
    }
    this.probeOver(attempt);
  }

  /** It has ended, or has succeeded with its first token. */
  probeOver(attempt: SeenAttempt): void {
    const endpoint = this.#endpoints[attempt.endpoint];
    if (endpoint !== undefined && attempt.probeOf === endpoint.epoch) endpoint.probing -= 1;
    attempt.probeOf = null;
  }

  #limitOf(id: EndpointId): number {
    return this.#limits[this.#fleet.deploymentOf(id)?.id ?? -1] ?? Infinity;
  }

  #checkBreaker(id: EndpointId, endpoint: SeenEndpoint, config: CompiledConfig, route: RouteSpec | undefined): void {
    if (this.#fleet.hasLeft(id)) this.#violate("I7", `an attempt at endpoint ${id}, which has left`);
    const deployment = this.#fleet.deploymentOf(id);
    const pool = route === undefined ? [] : this.#fleet.poolOf(config, route);
    if (endpoint.phase === "open" && !mayBeKept(endpoint, pool, this.#endpoints, route?.floorPercent ?? 0))
      this.#violate("I7", `an attempt at endpoint ${id}, whose breaker is open`);
    if (endpoint.phase !== "half-open" || deployment === undefined) return;
    endpoint.probing += 1;
    const most = Math.min(deployment.breaker.probes, deployment.breaker.probesAtOnce);
    if (endpoint.probing > most) this.#violate("I7", `${endpoint.probing} probes at endpoint ${id}, ${most} are allowed`);
  }

  #checkHealth(id: EndpointId, request: SeenRequest, at: Instant): void {
    const { all, stable } = this.#versions;
    const spec = stable.routes[request.route];
    if (all.length > 1 || spec === undefined) return;
    const other = otherForUnhealthy(stable, request, this.#fleet.poolOf(stable, spec), (idle) => this.isIdle(idle, at));
    if (other !== null) this.#violate("I7", `an attempt at endpoint ${id}, which its probes have taken out, while ${other} could take it`);
  }

  #checkPlace(command: StartAttempt, request: SeenRequest, endpoint: SeenEndpoint, config: CompiledConfig): void {
    const deployment = this.#fleet.deploymentOf(command.endpoint, config);
    if (deployment === undefined || config.routes[request.route]?.deployments.includes(deployment.id) !== true)
      this.#violate("I16", `request ${command.request} of version ${command.version} is sent to endpoint ${command.endpoint}, which its route does not name`);
    const misplaced = placeProblem(request, command.endpoint, deployment);
    if (misplaced !== null) this.#violate("I15", `request ${command.request} ${misplaced}`);
    const limit = this.#limitOf(command.endpoint);
    if (endpoint.inFlight > limit) this.#violate("I5", `endpoint ${command.endpoint} has ${endpoint.inFlight} attempts in flight, its limit is ${limit}`);
  }
}
