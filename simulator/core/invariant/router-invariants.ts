/**
 * Checks a router from outside, by its events and commands alone: simulated runs, recorded live runs and the router's own tests feed it the same way.
 *
 *  I1 conservation: arrived = served + failed (cut among them) + rejected + client-left + open
 *  I2 the instants of a request are in causal order: arrival <= start <= first token <= outcome <= finish
 *  I3 the clock never goes back
 *  I5 what goes on is bounded: a request visits no route twice; a route's requests that wait for their first attempt by its queue, an endpoint's attempts by its concurrency
 *  I7 an open breaker gets no attempt but where its route's floor keeps it, a half-open one at most its probes at once, an endpoint that has left none
 *     nor one that its probes have taken out while another can take the request (health-invariant.ts)
 *  I14 exactly one outcome per attempt, and a request finishes once, after the last of them
 *  I15 no attempt outside the region that a request must be answered in
 *  I16 a request sees one version of the configuration, and is sent where that version's route goes; versions are retired when they have ended: versions-seen.ts
 *  I6 and I14 of attempts side by side: race-invariant.ts; I8 no endpoint that could take a waiting request is left idle: idle-invariant.ts
 */
import type { CompiledConfig, EndpointSpec, RouteSpec } from "../../../router/core/compiled-config.ts";
import { mayBeKept, otherForUnhealthy } from "./health-invariant.ts";
import { checkIdle } from "./idle-invariant.ts";
import { isUnchecked } from "./unchecked.ts";
import { placeProblem } from "./place-invariant.ts";
import { newSeenEndpoint, type SeenAttempt, type SeenEndpoint, type SeenRequest } from "./seen.ts";
import { FleetSeen } from "./fleet-seen.ts";
import { VersionsSeen } from "./versions-seen.ts";
import type { InvariantId, Violation } from "./violation.ts";
import { RaceInvariant } from "./race-invariant.ts";
import { coolDefault } from "../../../router/core/retry.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type {
  AttemptId,
  AttemptOutcome,
  DeploymentId,
  EndpointId,
  FinishResult,
  PeerReport,
  RequestId,
  RouteId,
  RouteRequest,
  RouterCommand,
  RouterEvent,
} from "../../../router/core/messages.ts";

export type Counts = { arrived: number } & Record<FinishResult["kind"], number>;

const violationsMax = 20;

type StartAttempt = Extract<RouterCommand, { kind: "start-attempt" }>;

export class RouterInvariants {
  readonly #versions: VersionsSeen;
  readonly #requests = new Map<RequestId, SeenRequest>();
  readonly #attempts = new Map<AttemptId, SeenAttempt>();
  readonly #endpoints: SeenEndpoint[];
  readonly #fleet: FleetSeen;
  /** By DeploymentId: attempts in flight per endpoint. */
  readonly #limits: number[];
  /** By RouteId: open requests that have had no attempt. */
  readonly #waiting: number[];
  readonly #race: RaceInvariant;
  readonly #violations: Violation[] = [];
  #now = 0 as Instant;
  /** A machine carries out older deadlines before the event: so does the checker, by holding the event back until a command as of its instant, or the next event. */
  #held: { readonly event: RouterEvent; readonly now: Instant } | null = null;
  readonly counts: Counts = { arrived: 0, served: 0, cut: 0, failed: 0, rejected: 0, "client-left": 0 };

  constructor(config: CompiledConfig) {
    this.#versions = new VersionsSeen(config, (invariant, what) => this.#violate(invariant, what));
    this.#fleet = new FleetSeen(config, this.#versions);
    this.#race = new RaceInvariant((invariant, what) => this.#violate(invariant, what));
    this.#race.mayEarn(config);
    this.#endpoints = config.endpoints.map(newSeenEndpoint);
    this.#limits = config.deployments.map(({ adaptiveLimit, concurrencyMax }) => adaptiveLimit?.min ?? concurrencyMax);
    this.#waiting = config.routes.map(() => 0);
  }

  /** The first twenty of each. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** At the end of a run, when nothing may be open any more. */
  finished(): readonly Violation[] {
    this.#apply();
    const { arrived, served, cut, failed, rejected } = this.counts;
    const ended = served + cut + failed + rejected + this.counts["client-left"];
    if (arrived !== ended) this.#violate("I1", `${arrived} requests arrived, ${ended} ended`);
    if (this.#attempts.size > 0) this.#violate("I14", `${this.#attempts.size} attempts have no outcome`);
    return this.#violations;
  }

  event(event: RouterEvent, now: Instant): void {
    this.#apply();
    this.#held = { event, now };
  }

  #apply(): void {
    if (this.#held === null) return;
    const { event, now } = this.#held;
    this.#held = null;
    // Which version a waiting request belongs to is not seen from outside.
    if (this.#versions.all.length === 1) this.#checkIdle(now);
    this.#tick(now);
    if (event.kind === "request-arrived") this.#requestArrived(event.request, now);
    else if (event.kind === "attempt-first-token") this.#firstToken(event.attempt, now);
    else if (event.kind === "attempt-ended") this.#ended(event.attempt, event.outcome, now);
    else this.#otherEvent(event);
  }

  #checkIdle(now: Instant): void {
    checkIdle(
      this.#versions.stable,
      this.#requests,
      this.#fleet.placesNow(),
      (id) => this.#isIdle(id, now),
      (what) => this.#violate("I8", what),
    );
  }

  #otherEvent(event: RouterEvent): void {
    if (event.kind === "fleet-changed") this.#fleetChanged(event.joined, event.left);
    else if (event.kind === "client-left" && !this.#requests.has(event.request))
      this.#violate("I14", `the client left request ${event.request}, which is not open`);
    else if (event.kind === "peer-reported") this.#heard(event);
    else if (event.kind === "config-activated") this.#activated(event);
  }

  #activated(event: Extract<RouterEvent, { kind: "config-activated" }>): void {
    this.#fleet.activated(event.config);
    this.#versions.activated(event);
    this.#race.mayEarn(event.config);
    for (const { id } of event.config.endpoints) this.#endpoints[id] ??= newSeenEndpoint();
    for (const { id, adaptiveLimit, concurrencyMax } of event.config.deployments) this.#limits[id] ??= adaptiveLimit?.min ?? concurrencyMax;
    for (const { id } of event.config.routes) this.#waiting[id] ??= 0;
  }

  #requestArrived({ id, route, inputTokens, tags, residency, qualityMin = -1, only = -1 as EndpointId, costMaxNano }: RouteRequest, now: Instant): void {
    if (this.#requests.has(id)) this.#violate("I1", `request slot ${id} is used twice at once`);
    this.#requests.set(id, {
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
    this.#race.arrived(id, route);
    this.#countWaiting(route, 1);
  }

  #fleetChanged(joined: readonly EndpointSpec[], left: readonly EndpointId[]): void {
    for (const { id } of joined) this.#endpoints[id] ??= newSeenEndpoint();
    this.#fleet.changed(joined, left);
  }

  /** Its slot begins anew. */
  #forgotten(id: EndpointId): void {
    const endpoint = this.#endpoints[id];
    const may = this.#fleet.forgotten(id);
    if (endpoint === undefined || !may || endpoint.inFlight > 0) this.#violate("I14", `endpoint ${id} is forgotten, but has not left`);
    this.#endpoints[id] = newSeenEndpoint();
  }

  #heard({ endpoint: id, why }: PeerReport): void {
    const endpoint = this.#endpoints[id];
    if (endpoint !== undefined) endpoint.peerPartial = why === "failure-rate";
  }

  /** Commands carry the instant acted as of: it may lie before the last event's `now` where a driver was late, never before the request's own last instant. */
  command(command: RouterCommand, at: Instant): void {
    if (this.#held !== null && at >= this.#held.now) this.#apply();
    if (command.kind === "start-attempt") this.#started(command, at);
    else if (command.kind === "commit-attempt") this.#committed(command.attempt);
    else this.#otherCommand(command, at);
  }

  #otherCommand(command: Exclude<RouterCommand, { kind: "start-attempt" | "commit-attempt" }>, at: Instant): void {
    if (isUnchecked(command)) return;
    switch (command.kind) {
      case "limit-changed":
        this.#limitChanged(command.deployment, command.limit);
        return;
      case "breaker-changed":
        this.#breakerChanged(command, at);
        return;
      case "retire-config":
        this.#versions.retired(command.version);
        return;
      case "finish-request":
        this.#versions.seen(command.request, command.version);
        this.#versions.finished(command.request);
        this.#finishedRequest(command.request, command.result, command.account.attempts, at);
        return;
      case "abort-attempt":
        this.#race.aborted(command.attempt);
        return;
      case "forget-endpoint":
        this.#forgotten(command.endpoint);
        return;
      case "request-rerouted":
        this.#rerouted(command.request, command.from, command.to);
        return;
      case "health-changed":
        (this.#endpoints[command.endpoint] ??= newSeenEndpoint()).healthy = command.healthy;
        return;
    }
  }

  #rerouted(id: RequestId, from: RouteId, to: RouteId): void {
    const request = this.#requests.get(id);
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

  #tick(now: Instant): void {
    if (now < this.#now) this.#violate("I3", `the clock goes back from ${this.#now} to ${now}`);
    this.#now = now;
    const { all, stable } = this.#versions;
    for (const { id } of stable.routes) {
      const most = all.reduce((length, { routes }) => Math.max(length, routes[id]?.queue.lengthMax ?? 0), 0);
      if ((this.#waiting[id] ?? 0) > most) this.#violate("I5", `${this.#waiting[id]} requests wait at route ${id}, its queue holds ${most}`);
    }
  }

  #isIdle(id: EndpointId, now: Instant): boolean {
    const endpoint = this.#endpoints[id];
    return endpoint?.phase === "closed" && endpoint.healthy && endpoint.coolUntil < now && endpoint.inFlight < this.#limitOf(id) && !this.#fleet.hasLeft(id);
  }

  #limitOf(id: EndpointId): number {
    return this.#limits[this.#fleet.deploymentOf(id)?.id ?? -1] ?? Infinity;
  }

  #countWaiting(route: RouteId, change: number): void {
    this.#waiting[route] = (this.#waiting[route] ?? 0) + change;
  }

  #violate(invariant: InvariantId, what: string): void {
    if (this.#violations.filter((known) => known.invariant === invariant).length < violationsMax) this.#violations.push({ invariant, at: this.#now, what });
  }

  /** A request's own instants only go forward. */
  #advance(request: SeenRequest, at: Instant, what: string): void {
    if (at < request.lastAt) this.#violate("I2", `${what} at ${at}, before ${request.lastAt}`);
    request.lastAt = at;
  }

  #started(command: StartAttempt, at: Instant): void {
    const request = this.#requests.get(command.request);
    const endpoint = this.#endpoints[command.endpoint];
    if (request === undefined || endpoint === undefined) {
      this.#violate("I14", `an attempt for request ${command.request}, which is not open`);
      return;
    }
    this.#advance(request, at, "an attempt starts");
    this.#versions.seen(command.request, command.version);
    const config = this.#versions.of(command.version);
    this.#race.started(command.request, request.route, config.routes[request.route]?.hedge ?? null, { id: command.attempt, endpoint: command.endpoint });
    if (this.#attempts.has(command.attempt)) this.#violate("I14", `attempt ${command.attempt} starts twice`);
    this.#checkBreaker(command.endpoint, endpoint, config, config.routes[request.route]);
    if (!endpoint.healthy) this.#checkHealth(command.endpoint, request, at);
    endpoint.inFlight += 1;
    this.#checkPlace(command, request, endpoint, config);
    if (request.attempts === 0) this.#countWaiting(request.route, -1);
    request.underWay.push(command.attempt);
    request.attempts += 1;
    const probeOf = endpoint.phase === "half-open" ? endpoint.epoch : null;
    this.#attempts.set(command.attempt, { request: command.request, endpoint: command.endpoint, startedAt: at, probeOf, firstAt: null });
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

  #limitChanged(id: DeploymentId, limit: number): void {
    const deployment = this.#versions.stable.deployments[id];
    // Of those that only another version has, it is not seen whose rule holds.
    if (
      deployment?.gone !== true &&
      (deployment === undefined || limit > deployment.concurrencyMax || limit < (deployment.adaptiveLimit?.min ?? deployment.concurrencyMax))
    )
      this.#violate("I5", `the limit of deployment ${id} is set to ${limit}`);
    this.#limits[id] = limit;
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

  /** A probe has succeeded with its first token. */
  #committed(id: AttemptId): void {
    this.#race.committed(id);
    const attempt = this.#attempts.get(id);
    if (attempt !== undefined) this.#probeOver(attempt);
  }

  #probeOver(attempt: SeenAttempt): void {
    const endpoint = this.#endpoints[attempt.endpoint];
    if (endpoint !== undefined && attempt.probeOf === endpoint.epoch) endpoint.probing -= 1;
    attempt.probeOf = null;
  }

  #checkHealth(id: EndpointId, request: SeenRequest, at: Instant): void {
    const { all, stable } = this.#versions;
    const spec = stable.routes[request.route];
    if (all.length > 1 || spec === undefined) return;
    const other = otherForUnhealthy(stable, request, this.#fleet.poolOf(stable, spec), (idle) => this.#isIdle(idle, at));
    if (other !== null) this.#violate("I7", `an attempt at endpoint ${id}, which its probes have taken out, while ${other} could take it`);
  }

  #firstToken(id: AttemptId, now: Instant): void {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined) {
      this.#violate("I14", `a first token of attempt ${id}, which is not under way`);
      return;
    }
    if (attempt.firstAt !== null) this.#violate("I14", `a second first token of attempt ${id}`);
    if (now < attempt.startedAt) this.#violate("I2", `a first token at ${now}, before its attempt's start at ${attempt.startedAt}`);
    attempt.firstAt = now;
  }

  #ended(id: AttemptId, outcome: AttemptOutcome, now: Instant): void {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined) {
      this.#violate("I14", `an outcome of attempt ${id}, which is not under way`);
      return;
    }
    this.#attempts.delete(id);
    this.#race.ended(id);
    if (now < attempt.startedAt || (attempt.firstAt !== null && now < attempt.firstAt))
      this.#violate("I2", `an outcome at ${now}, before its attempt's start or first token`);
    const endpoint = this.#endpoints[attempt.endpoint];
    if (endpoint !== undefined) {
      endpoint.inFlight -= 1;
      if (outcome.failure === "rate-limited" || outcome.failure === "draining")
        endpoint.coolUntil = Math.max(endpoint.coolUntil, now + (outcome.retryAfter ?? coolDefault));
    }
    this.#probeOver(attempt);
    const request = this.#requests.get(attempt.request);
    if (request === undefined) return;
    request.underWay.splice(request.underWay.indexOf(id), 1);
    this.#advance(request, now, "an outcome");
  }

  #breakerChanged({ endpoint: id, from, to, why }: Extract<RouterCommand, { kind: "breaker-changed" }>, at: Instant): void {
    const endpoint = this.#endpoints[id];
    if (endpoint === undefined) return;
    if (endpoint.phase !== from) this.#violate("I7", `breaker ${id} changes from ${from} at ${at}, but was ${endpoint.phase}`);
    endpoint.phase = to;
    if (to === "closed") endpoint.partial = false;
    else if (to === "open") endpoint.partial = why === "failure-rate" || (why === "peer-reported" && endpoint.peerPartial);
    endpoint.epoch += 1;
    endpoint.probing = 0;
  }

  #finishedRequest(id: RequestId, result: FinishResult, attempts: number, at: Instant): void {
    const request = this.#requests.get(id);
    if (request === undefined) {
      this.#violate("I1", `request ${id} ends, but is not open`);
      return;
    }
    this.#advance(request, at, "a request ends");
    if (request.underWay.length > 0) this.#violate("I14", `request ${id} ends while attempt ${request.underWay.join(", ")} is under way`);
    if (request.attempts !== attempts) this.#violate("I14", `request ${id} accounts for ${attempts} attempts, ${request.attempts} were started`);
    if (request.attempts === 0) this.#countWaiting(request.route, -1);
    this.#requests.delete(id);
    this.#race.finished(id);
    this.counts[result.kind] += 1;
  }
}
