import * as fc from "fast-check";
import { costOf } from "../../router/core/accounting/ledger.ts";
import { present } from "../../router/core/assert.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { AttemptId, AttemptOutcome, RequestId, RouteId, RouterCommand, RouterEvent, TenantId } from "../../router/core/messages.ts";
import { Router, type RouterSnapshot } from "../../router/core/router.ts";
import { instantAt } from "../../router/core/time.ts";
import { LimitInvariants } from "../../simulator/core/invariant/limit-invariants.ts";
import type { Violation } from "../../simulator/core/invariant/violation.ts";
import { LeaseBench } from "./lease-bench.ts";
import { fixtureRequest } from "./router-fixture.ts";

/** What may happen next to a fleet that shares limits; `which` picks among the attempts that are open. */
export interface FleetMove {
  readonly wait: number;
  readonly replica: number;
  readonly kind: "arrive" | "first-token" | "succeed" | "fail" | "leave" | "cut-off" | "mend" | "save" | "crash" | "period" | "drop";
  readonly which: number;
  /** Output tokens of an attempt that starts now. */
  readonly output: number;
}

export const anyFleetMove = (replicas: number): fc.Arbitrary<FleetMove> =>
  fc.record({
    wait: fc.oneof(fc.constant(0), fc.nat(5_000), fc.nat(700_000), fc.nat(9_000_000)),
    replica: fc.nat(replicas - 1),
    kind: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<FleetMove["kind"][]>("arrive", "arrive", "succeed", "succeed", "fail", "leave") },
      { weight: 1, arbitrary: fc.constantFrom<FleetMove["kind"][]>("first-token", "cut-off", "mend", "save", "crash", "period", "drop") },
    ),
    which: fc.nat(1000),
    output: fc.oneof(fc.nat(100), fc.nat(400)),
  });

interface OpenAttempt {
  readonly request: RequestId;
  readonly actual: number;
  readonly output: number;
  readonly period: number;
  firstToken: boolean;
}

interface Member {
  router: Router;
  saved: RouterSnapshot;
  incarnation: number;
  cutOff: boolean;
  /** Settlements that wait for the link. */
  readonly held: RouterCommand[];
  readonly requests: Set<RequestId>;
  readonly attempts: Map<AttemptId, OpenAttempt>;
}

const inputTokens = 100;
const usageOf = (output: number) => ({ input: inputTokens, cachedRead: 0, cacheWrite: 0, output, reasoning: 0 });

/**
 * Cores over one store, in one clock, with everything that can go wrong between them: questions and answers that are dropped, a link that is cut (settlements wait for it),
 * crashes that lose all since the last snapshot. I6 watches what the attempts really cost, and the terms of the stated bound.
 */
export class LeaseFleet {
  readonly #config: CompiledConfig;
  readonly store: LeaseBench;
  readonly #members: Member[];
  readonly #invariants: LimitInvariants;
  #now = 0;
  #serial = 0;
  #period = 0;
  #dropNext = false;
  /** Nano-dollars and tokens that attempts of this period have used. */
  spent = 0;
  tokens = 0;
  attemptsStarted = 0;
  largestReservation = 0;

  /** @param watched the limits that ought to hold; others than the routers' own: a planted bug */
  constructor(config: CompiledConfig, replicas: number, watched: CompiledConfig = config) {
    this.#config = config;
    this.store = new LeaseBench(config, replicas);
    this.#invariants = new LimitInvariants(watched, replicas);
    this.#members = Array.from({ length: replicas }, () => {
      const router = new Router(config, { seed: 1, explain: false });
      return { router, saved: router.snapshot(), incarnation: 0, cutOff: false, held: [], requests: new Set(), attempts: new Map() };
    });
    this.#startPeriod();
  }

  get now(): number {
    return this.#now;
  }

  play(move: FleetMove): void {
    this.pass(move.wait);
    const member = this.#member(move.replica);
    const attempts = [...member.attempts.keys()];
    const attempt = attempts[move.which % Math.max(1, attempts.length)];
    if (move.kind === "arrive") this.arrive(move.replica, move.output, move.which);
    else if (move.kind === "leave") this.#leave(move);
    else if (move.kind === "first-token") this.#firstToken(move, attempt);
    else if (move.kind === "succeed" || move.kind === "fail") {
      if (attempt !== undefined) this.end(move.replica, attempt, move.kind === "succeed", move.output);
    } else this.#disturb(move, member);
  }

  /** Everything ends; what has been broken of I6. */
  finish(): readonly Violation[] {
    this.#members.forEach((member, replica) => {
      for (const request of member.requests) this.#send(replica, { kind: "client-left", request }, 50);
      for (const attempt of member.attempts.keys()) this.end(replica, attempt, true, 50);
    });
    return this.#invariants.finished();
  }

  #leave(move: FleetMove): void {
    const { attempts, requests } = this.#member(move.replica);
    const request = [...requests][move.which % Math.max(1, requests.size)];
    if (request === undefined || [...attempts.values()].some((open) => open.request === request)) return;
    this.#send(move.replica, { kind: "client-left", request }, move.output);
  }

  #firstToken({ replica, output }: FleetMove, attempt: AttemptId | undefined): void {
    const open = attempt === undefined ? undefined : this.#member(replica).attempts.get(attempt);
    if (attempt === undefined || open === undefined || open.firstToken) return;
    open.firstToken = true;
    this.#send(replica, { kind: "attempt-first-token", attempt }, output);
  }

  #disturb(move: FleetMove, member: Member): void {
    if (move.kind === "cut-off") {
      if (!member.cutOff) this.#send(move.replica, { kind: "store-lost" }, move.output);
      member.cutOff = true;
    } else if (move.kind === "mend") this.mend(move.replica);
    else if (move.kind === "save") member.saved = member.router.snapshot();
    else if (move.kind === "crash") this.#crash(move.replica);
    else if (move.kind === "drop") this.#dropNext = true;
    else if (move.which % 4 === 0) this.#startPeriod();
  }

  mend(replica: number): void {
    const member = this.#member(replica);
    if (!member.cutOff) return;
    member.cutOff = false;
    for (const command of member.held.splice(0)) this.store.hear(command, instantAt(this.#now), replica);
    this.#send(replica, { kind: "store-back" }, 50);
  }

  /** @param which route and tenant, among those that there are */
  arrive(replica: number, output: number, which = 0): void {
    const { requests } = this.#member(replica);
    let id = 0 as RequestId;
    while (requests.has(id)) id = (id + 1) as RequestId;
    requests.add(id);
    this.#serial += 1;
    const { routes, tenants } = this.#config;
    const route = (which % routes.length) as RouteId;
    const tenant = (Math.floor(which / routes.length) % tenants.length) as TenantId;
    this.#send(replica, { kind: "request-arrived", request: fixtureRequest(id, this.#serial, { route, tenant, inputTokens }) }, output);
  }

  attempts(replica: number): readonly AttemptId[] {
    return [...this.#member(replica).attempts.keys()];
  }

  end(replica: number, attempt: AttemptId, succeeded: boolean, output: number): void {
    const open = this.#member(replica).attempts.get(attempt);
    if (open === undefined) return;
    this.#send(replica, this.#outcomeOf(replica, attempt, open, succeeded), output);
  }

  #outcomeOf(replica: number, attempt: AttemptId, open: OpenAttempt, succeeded: boolean): RouterEvent {
    this.#member(replica).attempts.delete(attempt);
    const billed = succeeded ? "yes" : open.output % 2 === 0 ? "no" : "maybe";
    if (billed !== "no" && open.period === this.#period) {
      this.spent += open.actual;
      this.tokens += inputTokens + open.output;
    }
    const outcome: AttemptOutcome = {
      kind: succeeded ? "succeeded" : "failed",
      failure: succeeded ? null : "overloaded",
      retryAfter: null,
      billed,
      usage: usageOf(open.output),
      usageEstimated: false,
      lagged: true,
    };
    return { kind: "attempt-ended", attempt, outcome };
  }

  pass(wait: number): void {
    const until = this.#now + wait;
    for (;;) {
      const next = Math.min(...this.#members.map(({ router }) => router.nextDeadline()));
      if (next > until) break;
      this.#now = Math.max(this.#now, next);
      this.#members.forEach((member, replica) => {
        if (member.router.nextDeadline() <= this.#now) this.#carryOut(replica, (out) => member.router.wake(instantAt(this.#now), out), 50);
      });
      // What follows a wake is later than it.
      this.#now += 1;
    }
    this.#now = Math.max(this.#now, until);
  }

  #crash(replica: number): void {
    const member = this.#member(replica);
    member.incarnation += 1;
    member.held.length = 0;
    // What was under way has cost what it has cost, and no router hears of it.
    for (const [attempt, open] of member.attempts) this.#invariants.event(this.#outcomeOf(replica, attempt, open, true), instantAt(this.#now), replica);
    this.#invariants.crashed(replica);
    member.requests.clear();
    member.router = new Router(this.#config, { seed: 1, explain: false }, member.saved);
    this.#send(replica, { kind: "leases-forfeited", nonce: member.incarnation * 1_000_000 }, 50);
    member.router.snapshot().requests.forEach((slot, id) => {
      if (slot !== null) member.requests.add(id as RequestId);
    });
    // Its requests are gone with the process: whoever asked has seen the connection break. One that waits may get a place before it is its turn to be given up.
    for (const request of member.requests) this.#send(replica, { kind: "client-left", request }, 50);
    member.router.snapshot().attempts.forEach((slot, id) => {
      const attempt = id as AttemptId;
      if (slot === null) return;
      const outcome = { kind: "aborted", failure: null, retryAfter: null, billed: "maybe", usage: null, usageEstimated: true, lagged: false } as const;
      if (member.attempts.has(attempt)) this.end(replica, attempt, true, 50);
      else this.#send(replica, { kind: "attempt-ended", attempt, outcome }, 50);
    });
    if (member.cutOff) this.#send(replica, { kind: "store-lost" }, 50);
  }

  #startPeriod(): void {
    this.#period += 1;
    this.spent = 0;
    this.tokens = 0;
    for (const { id, window } of this.#config.limits) {
      if (window.kind !== "period") continue;
      const event = this.store.startPeriod(id, instantAt(this.#now + 3_600_000_000));
      this.#members.forEach((_, replica) => this.#send(replica, event, 50));
    }
  }

  #send(replica: number, event: RouterEvent, output: number): void {
    this.#now += 1;
    const { router } = this.#member(replica);
    this.#invariants.event(event, instantAt(this.#now), replica);
    this.#carryOut(replica, (out) => router.handle(event, instantAt(this.#now), out), output);
  }

  #carryOut(replica: number, act: (out: { emit(command: RouterCommand): void }) => void, output: number): void {
    const commands: RouterCommand[] = [];
    act({ emit: (command) => void commands.push(command) });
    for (const command of commands) this.#invariants.command(command, instantAt(this.#now), replica);
    for (const command of commands) this.#hear(replica, command, output);
  }

  #hear(replica: number, command: RouterCommand, output: number): void {
    const member = this.#member(replica);
    if (command.kind === "start-attempt") this.#started(member, command, output);
    else if (command.kind === "finish-request") member.requests.delete(command.request);
    else if (command.kind === "return-lease") {
      if (member.cutOff) member.held.push(command);
      else this.store.hear(command, instantAt(this.#now), replica);
    } else if (command.kind === "ask-lease") this.#ask(member, command, replica, output);
  }

  #ask(member: Member, command: RouterCommand, replica: number, output: number): void {
    const dropped = this.#dropNext;
    this.#dropNext = false;
    if (member.cutOff) return;
    const answer = this.store.hear(command, instantAt(this.#now), replica);
    if (answer === null || dropped) return;
    this.#send(replica, answer, output);
  }

  #started(member: Member, { attempt, request, endpoint, reservedNano }: Extract<RouterCommand, { kind: "start-attempt" }>, output: number): void {
    const deployment = present(this.#config.endpoints[endpoint], "the endpoint").deployment;
    const rates = this.#config.deployments[deployment]?.rates ?? null;
    const actual = rates === null ? 0 : Math.ceil(costOf(usageOf(output), rates) / 1000);
    this.attemptsStarted += 1;
    this.largestReservation = Math.max(this.largestReservation, reservedNano);
    member.attempts.set(attempt, { request, actual, output, period: this.#period, firstToken: false });
  }

  #member(replica: number): Member {
    return present(this.#members[replica], "the replica");
  }
}
