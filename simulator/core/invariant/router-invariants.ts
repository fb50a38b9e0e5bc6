/**
 * Checks a router from outside, by its events and commands alone: simulated runs, recorded live runs and the router's own tests feed it the same way.
 *
 *  I1 conservation: arrived = served + failed (cut among them) + rejected + client-left + open: requests-seen.ts
 *  I2 the instants of a request are in causal order: arrival <= start <= first token <= outcome <= finish
 *  I3 the clock never goes back
 *  I5 what goes on is bounded: a request visits no route twice; a route's requests that wait for their first attempt by its queue, an endpoint's attempts by its concurrency: requests-seen.ts, endpoints-seen.ts
 *  I7 an open breaker gets no attempt but where its route's floor keeps it, a half-open one at most its probes at once, an endpoint that has left none
 *     nor one that its probes have taken out while another can take the request (health-invariant.ts): endpoints-seen.ts
 *  I14 exactly one outcome per attempt, and a request finishes once, after the last of them
 *  I15 no attempt outside the region that a request must be answered in: place-invariant.ts
 *  I16 a request sees one version of the configuration, and is sent where that version's route goes; versions are retired when they have ended: versions-seen.ts
 *  I6 and I14 of attempts side by side: race-invariant.ts; I8 no endpoint that could take a waiting request is left idle: idle-invariant.ts
 */
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptId, AttemptOutcome, RouterCommand, RouterEvent } from "../../../router/core/messages.ts";
import { EndpointsSeen } from "./endpoints-seen.ts";
import { checkIdle } from "./idle-invariant.ts";
import { RaceInvariant } from "./race-invariant.ts";
import { type Counts, RequestsSeen } from "./requests-seen.ts";
import type { SeenAttempt } from "./seen.ts";
import { isUnchecked } from "./unchecked.ts";
import { VersionsSeen } from "./versions-seen.ts";
import type { Violate, Violation } from "./violation.ts";

const violationsMax = 20;

type StartAttempt = Extract<RouterCommand, { kind: "start-attempt" }>;
type FinishRequest = Extract<RouterCommand, { kind: "finish-request" }>;

export class RouterInvariants {
  readonly #versions: VersionsSeen;
  readonly #requests: RequestsSeen;
  readonly #attempts = new Map<AttemptId, SeenAttempt>();
  readonly #endpoints: EndpointsSeen;
  readonly #race: RaceInvariant;
  readonly #violations: Violation[] = [];
  #now = 0 as Instant;
  /** A machine carries out older deadlines before the event: so does the checker, by holding the event back until a command as of its instant, or the next event. */
  #held: { readonly event: RouterEvent; readonly now: Instant } | null = null;

  constructor(config: CompiledConfig) {
    this.#versions = new VersionsSeen(config, this.#violate);
    this.#requests = new RequestsSeen(config, this.#violate);
    this.#endpoints = new EndpointsSeen(config, this.#versions, this.#violate);
    this.#race = new RaceInvariant(this.#violate);
    this.#race.mayEarn(config);
  }

  get counts(): Counts {
    return this.#requests.counts;
  }

  /** The first twenty of each. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** At the end of a run, when nothing may be open any more. */
  finished(): readonly Violation[] {
    this.#apply();
    this.#requests.checkAllEnded();
    if (this.#attempts.size > 0) this.#violate("I14", `${this.#attempts.size} attempts have no outcome`);
    return this.#violations;
  }

  event(event: RouterEvent, now: Instant): void {
    this.#apply();
    this.#held = { event, now };
  }

  /** Commands carry the instant acted as of: it may lie before the last event's `now` where a driver was late, never before the request's own last instant. */
  command(command: RouterCommand, at: Instant): void {
    if (this.#held !== null && at >= this.#held.now) this.#apply();
    if (command.kind === "start-attempt") this.#started(command, at);
    else if (command.kind === "commit-attempt") this.#committed(command.attempt);
    else this.#otherCommand(command, at);
  }

  #apply(): void {
    if (this.#held === null) return;
    const { event, now } = this.#held;
    this.#held = null;
    // Which version a waiting request belongs to is not seen from outside.
    if (this.#versions.all.length === 1) this.#checkIdle(now);
    this.#tick(now);
    if (event.kind === "request-arrived") {
      this.#requests.arrived(event.request, now);
      this.#race.arrived(event.request.id, event.request.route);
    } else if (event.kind === "attempt-first-token") this.#firstToken(event.attempt, now);
    else if (event.kind === "attempt-ended") this.#ended(event.attempt, event.outcome, now);
    else this.#otherEvent(event);
  }

  #checkIdle(now: Instant): void {
    checkIdle(
      this.#versions.stable,
      this.#requests.open,
      this.#endpoints.placesNow(),
      (id) => this.#endpoints.isIdle(id, now),
      (what) => this.#violate("I8", what),
    );
  }

  #tick(now: Instant): void {
    if (now < this.#now) this.#violate("I3", `the clock goes back from ${this.#now} to ${now}`);
    this.#now = now;
    const { all, stable } = this.#versions;
    this.#requests.checkQueues(all, stable.routes);
  }

  #otherEvent(event: RouterEvent): void {
    if (event.kind === "fleet-changed") this.#endpoints.fleetChanged(event.joined, event.left);
    else if (event.kind === "client-left") this.#requests.left(event.request);
    else if (event.kind === "peer-reported") this.#endpoints.peerReported(event);
    else if (event.kind === "config-activated") this.#activated(event);
  }

  #activated(event: Extract<RouterEvent, { kind: "config-activated" }>): void {
    this.#endpoints.activated(event.config);
    this.#versions.activated(event);
    this.#race.mayEarn(event.config);
    this.#requests.activated(event.config);
  }

  #otherCommand(command: Exclude<RouterCommand, { kind: "start-attempt" | "commit-attempt" }>, at: Instant): void {
    if (isUnchecked(command)) return;
    switch (command.kind) {
      case "limit-changed":
        this.#endpoints.limitChanged(command.deployment, command.limit);
        return;
      case "breaker-changed":
        this.#endpoints.breakerChanged(command, at);
        return;
      case "retire-config":
        this.#versions.retired(command.version);
        return;
      case "finish-request":
        this.#finishedRequest(command, at);
        return;
      case "abort-attempt":
        this.#race.aborted(command.attempt);
        return;
      case "forget-endpoint":
        this.#endpoints.forgotten(command.endpoint);
        return;
      case "request-rerouted":
        this.#requests.rerouted(command.request, command.from, command.to);
        return;
      case "health-changed":
        this.#endpoints.healthChanged(command.endpoint, command.healthy);
        return;
    }
  }

  #started(command: StartAttempt, at: Instant): void {
    const { attempt: id, request: of, endpoint } = command;
    const request = this.#requests.open.get(of);
    if (request === undefined || !this.#endpoints.has(endpoint)) {
      this.#violate("I14", `an attempt for request ${of}, which is not open`);
      return;
    }
    this.#requests.advance(request, at, "an attempt starts");
    this.#versions.seen(of, command.version);
    const config = this.#versions.of(command.version);
    this.#race.started(of, request.route, config.routes[request.route]?.hedge ?? null, { id, endpoint });
    if (this.#attempts.has(id)) this.#violate("I14", `attempt ${id} starts twice`);
    const probeOf = this.#endpoints.attemptStarted(command, request, config, at);
    this.#requests.attemptStarted(request, id);
    this.#attempts.set(id, { request: of, endpoint, startedAt: at, probeOf, firstAt: null });
  }

  /** A probe has succeeded with its first token. */
  #committed(id: AttemptId): void {
    this.#race.committed(id);
    const attempt = this.#attempts.get(id);
    if (attempt !== undefined) this.#endpoints.probeOver(attempt);
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
    this.#endpoints.attemptEnded(attempt, outcome, now);
    this.#requests.attemptEnded(attempt.request, id, now);
  }

  #finishedRequest({ request, version, result, account }: FinishRequest, at: Instant): void {
    this.#versions.seen(request, version);
    this.#versions.finished(request);
    if (this.#requests.finished(request, result, account.attempts, at)) this.#race.finished(request);
  }

  readonly #violate: Violate = (invariant, what) => {
    if (this.#violations.filter((known) => known.invariant === invariant).length < violationsMax) this.#violations.push({ invariant, at: this.#now, what });
  };
}
