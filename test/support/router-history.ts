import * as fc from "fast-check";
import type { Instant } from "../../router/core/machine.ts";
import type {
  AttemptId,
  AttemptOutcome,
  EndpointId,
  FailureKind,
  RequestId,
  RouteRequest,
  RouterCommand,
  RouterEvent,
  TenantId,
} from "../../router/core/messages.ts";
import { unknownName } from "../../router/core/messages.ts";
import type { Router } from "../../router/core/router.ts";
import { instantAt, micros, never } from "../../router/core/time.ts";
import type { CompiledConfig, ConfigVersion } from "../../router/core/compiled-config.ts";
import { Recorder } from "./recorder.ts";
import { LeaseBench } from "./lease-bench.ts";
import { fixtureRequest } from "./router-fixture.ts";

export interface TimedEvent {
  readonly event: RouterEvent;
  readonly at: Instant;
}
export interface TimedCommand {
  readonly command: RouterCommand;
  readonly at: Instant;
}

/** What the world may do next; `which` picks among the attempts or requests that are open by then. */
export interface RouterMove {
  /** Microseconds since the move before. */
  readonly wait: number;
  readonly kind: "arrive" | "first-token" | "succeed" | "fail" | "leave" | "drain" | "peer" | "fleet" | "activate" | "probe";
  readonly which: number;
  readonly failure: FailureKind;
  readonly retryAfterMs: number | null;
  readonly inputTokens: number;
  readonly stream: boolean;
  readonly deadlineMs: number | null;
  readonly lagged: boolean;
  readonly priority: number;
}

const failures: readonly FailureKind[] = [
  "rate-limited",
  "overloaded",
  "server-error",
  "connect-failed",
  "cut",
  "timed-out-idle",
  "bad-request",
  "unauthorised",
];

export const anyRouterMove: fc.Arbitrary<RouterMove> = fc.record({
  wait: fc.oneof(fc.constant(0), fc.nat(2_000), fc.nat(2_000_000), fc.nat(70_000_000)),
  kind: fc.constantFrom(
    "arrive",
    "arrive",
    "arrive",
    "arrive",
    "first-token",
    "first-token",
    "succeed",
    "succeed",
    "fail",
    "fail",
    "leave",
    "drain",
    "peer",
    "fleet",
    "activate",
    "probe",
  ),
  which: fc.nat(1000),
  failure: fc.constantFrom(...failures),
  retryAfterMs: fc.option(fc.nat(40_000)),
  inputTokens: fc.constantFrom(100, 20_000),
  stream: fc.boolean(),
  deadlineMs: fc.option(fc.nat(30_000), { freq: 4 }),
  lagged: fc.boolean(),
  priority: fc.nat(1),
});

/** Plays the moves with a punctual driver: what is aborted ends at once, requests take the lowest free slot. */
export function resolveRouterMoves(router: Router, moves: readonly RouterMove[], config?: CompiledConfig): { events: TimedEvent[]; commands: TimedCommand[] } {
  return new PunctualDriver(router, config).play(moves);
}

class PunctualDriver {
  readonly #router: Router;
  readonly #recorder = new Recorder<RouterCommand>();
  readonly #events: TimedEvent[] = [];
  readonly #commands: TimedCommand[] = [];
  /** Open requests; open attempts and whether they have had their first token. */
  readonly #requests = new Map<RequestId, { left: boolean; stream: boolean }>();
  readonly #attempts = new Map<AttemptId, { request: RequestId; first: boolean; aborted: boolean }>();
  readonly #due: RouterEvent[] = [];
  readonly #probes: { readonly endpoint: EndpointId; readonly nonce: number }[] = [];
  readonly #config: CompiledConfig | undefined;
  #now = instantAt(0);
  #serial = 0;

  readonly #store: LeaseBench | null;
  readonly #tenants: number;
  /** Requests come with tags and regions. */
  readonly #labelled: boolean;

  constructor(router: Router, config: CompiledConfig | undefined) {
    this.#router = router;
    this.#config = config;
    this.#tenants = config?.tenants.length ?? 1;
    this.#labelled = config?.deployments.some(({ region }) => region >= 0) ?? false;
    this.#store = config === undefined ? null : new LeaseBench(config);
  }

  play(moves: readonly RouterMove[]): { events: TimedEvent[]; commands: TimedCommand[] } {
    for (const move of moves) {
      const at = instantAt(this.#now + move.wait);
      this.#wakeBefore(at);
      if (at > this.#now) this.#now = at;
      const event = this.#eventOf(move);
      if (event !== null) this.#send(event);
    }
    // To the end: what is open succeeds, what waits runs out.
    while (this.#requests.size > 0) {
      const [attempt] = this.#attempts.keys();
      if (attempt === undefined) this.#wakeBefore(instantAt(this.#router.nextDeadline() + 1));
      else this.#send({ kind: "attempt-ended", attempt, outcome: outcomeOf("succeeded", null, null, false) });
    }
    return { events: this.#events, commands: this.#commands };
  }

  #wakeBefore(at: Instant): void {
    while (this.#router.nextDeadline() < at) {
      const due = this.#router.nextDeadline();
      this.#router.wake(due, this.#recorder);
      // What a driver does after a wake is later than it: at one instant events come before deadlines.
      this.#now = instantAt(due + 1);
      this.#hear();
    }
  }

  #send(event: RouterEvent): void {
    this.#events.push({ event, at: this.#now });
    if (event.kind === "attempt-ended") this.#attempts.delete(event.attempt);
    this.#router.handle(event, this.#now, this.#recorder);
    this.#hear();
  }

  #hear(): void {
    for (const { command, at } of this.#recorder.take()) {
      this.#commands.push({ command, at });
      const answer = this.#store?.hear(command, at) ?? null;
      if (answer !== null) this.#due.push(answer);
      if (command.kind === "start-attempt") this.#attempts.set(command.attempt, { request: command.request, first: false, aborted: false });
      else if (command.kind === "abort-attempt")
        this.#due.push({ kind: "attempt-ended", attempt: command.attempt, outcome: outcomeOf("aborted", null, null, false) });
      else if (command.kind === "start-probe") this.#probes.push(command);
      else if (command.kind === "finish-request") this.#requests.delete(command.request);
    }
    for (let event = this.#due.shift(); event !== undefined; event = this.#due.shift()) this.#send(event);
  }

  #eventOf(move: RouterMove): RouterEvent | null {
    const attempts = [...this.#attempts.keys()];
    const attempt = attempts[move.which % Math.max(1, attempts.length)];
    switch (move.kind) {
      case "arrive":
        return this.#arrival(move);
      case "first-token":
        return attempt === undefined ? null : this.#firstToken(attempt);
      case "succeed":
        return attempt === undefined ? null : { kind: "attempt-ended", attempt, outcome: outcomeOf("succeeded", null, null, move.lagged) };
      case "fail":
        return attempt === undefined ? null : { kind: "attempt-ended", attempt, outcome: outcomeOf("failed", move.failure, move.retryAfterMs, move.lagged) };
      case "leave":
        return this.#leaving(move);
      case "fleet":
        return this.#fleetChange(move);
      case "activate":
        return this.#activation(move);
      case "peer":
        return this.#peerReport(move);
      case "probe":
        return this.#probeEnded(move);
      case "drain":
        return move.which < 20 ? { kind: "drain-started" } : null;
    }
  }

  #peerReport(move: RouterMove): RouterEvent {
    return {
      kind: "peer-reported",
      endpoint: 0 as EndpointId,
      breaker: move.lagged ? "closed" : "open",
      why: move.stream ? "failure-rate" : "failures-in-a-row",
      since: instantAt(Math.max(0, this.#now - (move.retryAfterMs ?? 0) * 1000)),
    };
  }

  /** Mostly bad. */
  #probeEnded({ which, lagged }: RouterMove): RouterEvent | null {
    const [probe] = this.#probes.splice(which % Math.max(1, this.#probes.length), 1);
    const { endpoint, nonce } = probe ?? {};
    if (endpoint === undefined || nonce === undefined) return null;
    return { kind: "probe-ended", endpoint, nonce, healthy: lagged ? null : which % 3 === 0 };
  }

  #firstToken(attempt: AttemptId): RouterEvent | null {
    const open = this.#attempts.get(attempt);
    if (open === undefined || open.first || this.#requests.get(open.request)?.stream !== true) return null;
    open.first = true;
    return { kind: "attempt-first-token", attempt };
  }

  /** An endpoint leaves or comes back; one that no configuration names comes and may go. */
  #fleetChange(move: RouterMove): RouterEvent | null {
    const endpoints = this.#config?.endpoints ?? [];
    const [first] = endpoints;
    if (first === undefined) return null;
    const id = (move.which % (endpoints.length + 1)) as EndpointId;
    const spec = endpoints[id] ?? { ...first, id, identity: "http://127.0.0.1:9999 model -", origin: "http://127.0.0.1:9999" };
    return { kind: "fleet-changed", joined: move.lagged ? [spec] : [], left: move.lagged ? [] : [id] };
  }

  /** One of three versions: as configured; with other weights and breakers; with the first deployment of each route only. */
  #activation({ which, lagged }: RouterMove): RouterEvent | null {
    const base = this.#config;
    if (base === undefined) return null;
    const other = base.deployments.map((deployment) => ({
      ...deployment,
      weight: deployment.weight + 1,
      breaker: { ...deployment.breaker, probes: 1, failures: 3 },
    }));
    const versions = [
      base,
      { ...base, version: 1001 as ConfigVersion, deployments: other },
      { ...base, version: 1002 as ConfigVersion, routes: base.routes.map((route) => ({ ...route, deployments: route.deployments.slice(0, 1) })) },
    ];
    const config = versions[which % versions.length] ?? base;
    return { kind: "config-activated", config, share: [1, 0.5, 0.2, 0][which % 4] ?? 1, by: lagged ? "tenant" : "request" };
  }

  #arrival(move: RouterMove): RouterEvent {
    let id = 0 as RequestId;
    while (this.#requests.has(id)) id = (id + 1) as RequestId;
    this.#requests.set(id, { left: false, stream: move.stream });
    this.#serial += 1;
    const blocks = move.which % 3 === 0 ? null : Int32Array.of(7, move.which % 5, 1000 + move.which);
    const deadline = move.deadlineMs === null ? never : instantAt(this.#now + move.deadlineMs * 1000);
    return {
      kind: "request-arrived",
      request: fixtureRequest(id, this.#serial, {
        tenant: (move.which % this.#tenants) as TenantId,
        inputTokens: move.inputTokens,
        stream: move.stream,
        deadline,
        blocks,
        priority: move.priority,
        ...(this.#labelled ? labelsOf(move.which) : {}),
      }),
    };
  }

  #leaving(move: RouterMove): RouterEvent | null {
    const open = [...this.#requests].filter(([, { left }]) => !left);
    const chosen = open[move.which % Math.max(1, open.length)];
    if (chosen === undefined) return null;
    chosen[1].left = true;
    return { kind: "client-left", request: chosen[0] };
  }
}

/** No, one or two tags of the fixture's or none that it has; anywhere, a region preferred, a region required; a floor for some. */
function labelsOf(which: number): Partial<RouteRequest> {
  const tags = [[], [], [1], [2], [1, 2], [unknownName]][which % 6] ?? [];
  const place = { region: (which % 5) % 3 === 2 ? which % 2 : -1, residency: which % 7 < 2 ? which % 7 : -1 };
  return {
    tags,
    tagMatch: which % 4 < 2 ? "any" : "all",
    ...place,
    ...(which % 11 < 3 ? { qualityMin: 0.4 + (which % 11) / 5 } : {}),
    ...(which % 13 === 0 ? { only: (which % 4) as EndpointId } : {}),
  };
}

function outcomeOf(kind: AttemptOutcome["kind"], failure: FailureKind | null, retryAfterMs: number | null, lagged: boolean): AttemptOutcome {
  const usage = { input: 100, cachedRead: 16, cacheWrite: 0, output: 7, reasoning: 0 };
  const retryAfter = retryAfterMs === null || failure === null ? null : micros(retryAfterMs * 1000);
  return {
    kind,
    failure,
    retryAfter,
    billed: kind === "succeeded" ? "yes" : "maybe",
    usage: kind === "failed" ? null : usage,
    usageEstimated: kind === "aborted",
    lagged,
  };
}

/** The same events to another router, woken only at the given shares of each gap (none: events alone move it), and at the end. */
export function replayEvents(router: Router, events: readonly TimedEvent[], wakes: readonly number[], until: Instant): TimedCommand[] {
  const recorder = new Recorder<RouterCommand>();
  let now = 0;
  for (const { event, at } of events) {
    for (const share of wakes.toSorted((one, other) => one - other)) {
      const instant = now + Math.floor(share * (at - now));
      if (instant < at) router.wake(instantAt(instant), recorder);
    }
    router.handle(event, at, recorder);
    now = at;
  }
  router.wake(until, recorder);
  return recorder.take();
}

export function laterThanAll(commands: readonly TimedCommand[], events: readonly TimedEvent[]): Instant {
  return instantAt(Math.max(0, ...commands.map(({ at }) => at), ...events.map(({ at }) => at)));
}
