import * as fc from "fast-check";
import { costOf } from "../../router/core/accounting/ledger.ts";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { AttemptId, AttemptOutcome, LeaseKey, RequestId, RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import { Router, type RouterSnapshot } from "../../router/core/router.ts";
import { instantAt } from "../../router/core/time.ts";
import { LeaseBench } from "./lease-bench.ts";
import { fixtureRequest } from "./router-fixture.ts";

/** What may happen next to a fleet that shares budgets; `which` picks among the attempts that are open. */
export interface FleetMove {
  readonly wait: number;
  readonly replica: number;
  readonly kind: "arrive" | "succeed" | "fail" | "leave" | "cut-off" | "mend" | "save" | "crash" | "period" | "drop";
  readonly which: number;
  /** Output tokens of an attempt that starts now. */
  readonly output: number;
}

export const anyFleetMove = (replicas: number): fc.Arbitrary<FleetMove> =>
  fc.record({
    wait: fc.oneof(fc.constant(0), fc.nat(5_000), fc.nat(700_000), fc.nat(9_000_000)),
    replica: fc.nat(replicas - 1),
    kind: fc.oneof(
      {
        weight: 12,
        arbitrary: fc.constantFrom("arrive" as const, "arrive" as const, "succeed" as const, "succeed" as const, "fail" as const, "leave" as const),
      },
      { weight: 1, arbitrary: fc.constantFrom("cut-off" as const, "mend" as const, "save" as const, "crash" as const, "period" as const, "drop" as const) },
    ),
    which: fc.nat(1000),
    output: fc.oneof(fc.nat(100), fc.nat(400)),
  });

interface Member {
  router: Router;
  saved: RouterSnapshot;
  incarnation: number;
  cutOff: boolean;
  /** Settlements that wait for the link. */
  readonly held: RouterCommand[];
  /** Actual - reserved of what it has in flight, now and at most. */
  overrun: number;
  overrunMax: number;
  readonly requests: Set<RequestId>;
  readonly attempts: Map<
    AttemptId,
    { readonly request: RequestId; readonly actual: number; readonly output: number; readonly period: number; readonly overrun: number }
  >;
}

/**
 * Cores over one store, in one clock, with everything that can go wrong between them: questions and answers that are dropped, a link that is cut (settlements wait for it),
 * crashes that lose all since the last snapshot. It keeps its own account of what the attempts really cost, and of the terms of the stated bound.
 */
export class LeaseFleet {
  readonly #config: CompiledConfig;
  readonly store: LeaseBench;
  readonly #members: Member[];
  #now = 0;
  #serial = 0;
  #period = 0;
  #dropNext = false;
  #overrunOfCrashed = 0;
  /** Nano-dollars. */
  spent = 0;
  largestLease = 0;
  largestReservation = 0;
  incarnations: number;

  constructor(config: CompiledConfig, replicas: number) {
    this.#config = config;
    this.store = new LeaseBench(config, replicas);
    this.incarnations = replicas;
    this.#members = Array.from({ length: replicas }, () => {
      const router = new Router(config, { seed: 1, explain: false });
      return { router, saved: router.snapshot(), incarnation: 0, cutOff: false, held: [], overrun: 0, overrunMax: 0, requests: new Set(), attempts: new Map() };
    });
    this.#startPeriod();
  }

  /** Beyond the amount, in nano-dollars. */
  get bound(): number {
    return (
      this.incarnations * (this.largestLease + this.largestReservation) +
      this.#members.reduce((sum, { overrunMax }) => sum + overrunMax, this.#overrunOfCrashed)
    );
  }

  play(move: FleetMove): void {
    this.pass(move.wait);
    const member = this.#member(move.replica);
    const attempts = [...member.attempts.keys()];
    const attempt = attempts[move.which % Math.max(1, attempts.length)];
    if (move.kind === "arrive") this.arrive(move.replica, move.output);
    else if (move.kind === "succeed" || move.kind === "fail") {
      if (attempt !== undefined) this.end(move.replica, attempt, move.kind === "succeed", move.output);
    } else if (move.kind === "leave") this.#leave(move);
    else this.#disturb(move, member);
  }

  #leave(move: FleetMove): void {
    const { attempts, requests } = this.#member(move.replica);
    const request = [...requests][move.which % Math.max(1, requests.size)];
    if (request === undefined || [...attempts.values()].some((open) => open.request === request)) return;
    this.#send(move.replica, { kind: "client-left", request }, move.output);
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

  arrive(replica: number, output: number): void {
    const { requests } = this.#member(replica);
    let id = 0 as RequestId;
    while (requests.has(id)) id = (id + 1) as RequestId;
    requests.add(id);
    this.#serial += 1;
    this.#send(replica, { kind: "request-arrived", request: fixtureRequest(id, this.#serial) }, output);
  }

  attempts(replica: number): readonly AttemptId[] {
    return [...this.#member(replica).attempts.keys()];
  }

  end(replica: number, attempt: AttemptId, succeeded: boolean, output: number): void {
    const member = this.#member(replica);
    const open = member.attempts.get(attempt);
    if (open === undefined) return;
    member.attempts.delete(attempt);
    member.overrun -= open.overrun;
    const usage = { input: 100, cachedRead: 0, cacheWrite: 0, output: open.output, reasoning: 0 };
    const billed = succeeded ? "yes" : open.output % 2 === 0 ? "no" : "maybe";
    if (billed !== "no" && open.period === this.#period) this.spent += open.actual;
    const outcome: AttemptOutcome = {
      kind: succeeded ? "succeeded" : "failed",
      failure: succeeded ? null : "overloaded",
      retryAfter: null,
      billed,
      usage,
      usageEstimated: false,
      lagged: true,
    };
    this.#send(replica, { kind: "attempt-ended", attempt, outcome }, output);
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
    this.incarnations += 1;
    member.held.length = 0;
    this.#overrunOfCrashed += member.overrunMax;
    member.overrun = 0;
    member.overrunMax = 0;
    // What was under way has cost what it has cost, and nobody heard of it.
    for (const open of member.attempts.values()) {
      if (open.period === this.#period) this.spent += open.actual;
    }
    member.attempts.clear();
    member.requests.clear();
    member.router = new Router(this.#config, { seed: 1, explain: false }, member.saved);
    this.#send(replica, { kind: "leases-forfeited", nonce: member.incarnation * 1_000_000 }, 50);
    const { requests, attempts } = member.router.snapshot();
    requests.forEach((slot, id) => {
      if (slot !== null) member.requests.add(id as RequestId);
    });
    // Its requests are gone with the process: whoever asked has seen the connection break.
    for (const request of member.requests) this.#send(replica, { kind: "client-left", request }, 50);
    attempts.forEach((slot, attempt) => {
      if (slot === null) return;
      const outcome = { kind: "aborted", failure: null, retryAfter: null, billed: "maybe", usage: null, usageEstimated: true, lagged: false } as const;
      this.#send(replica, { kind: "attempt-ended", attempt: attempt as AttemptId, outcome }, 50);
    });
    if (member.cutOff) this.#send(replica, { kind: "store-lost" }, 50);
  }

  #startPeriod(): void {
    this.#period += 1;
    this.spent = 0;
    const event = this.store.startPeriod(0 as LeaseKey, instantAt(this.#now + 3_600_000_000));
    this.#members.forEach((_, replica) => this.#send(replica, event, 50));
  }

  #send(replica: number, event: RouterEvent, output: number): void {
    this.#now += 1;
    const { router } = this.#member(replica);
    this.#carryOut(replica, (out) => router.handle(event, instantAt(this.#now), out), output);
  }

  #carryOut(replica: number, act: (out: { emit(command: RouterCommand): void }) => void, output: number): void {
    const commands: RouterCommand[] = [];
    act({ emit: (command) => void commands.push(command) });
    for (const command of commands) this.#hear(replica, command, output);
  }

  #hear(replica: number, command: RouterCommand, output: number): void {
    const member = this.#member(replica);
    if (command.kind === "start-attempt") this.#started(member, command.attempt, command.request, output);
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
    if (answer?.kind !== "lease-answered" || dropped) return;
    this.largestLease = Math.max(this.largestLease, answer.units);
    this.#send(replica, answer, output);
  }

  #started(member: Member, attempt: AttemptId, request: RequestId, output: number): void {
    const reserved = member.router.snapshot().attempts[attempt]?.reservedNano ?? 0;
    const rates = this.#config.deployments[0]?.rates ?? null;
    const usage = { input: 100, cachedRead: 0, cacheWrite: 0, output, reasoning: 0 };
    const actual = rates === null ? 0 : Math.ceil(costOf(usage, rates) / 1000);
    const overrun = Math.max(0, actual - reserved);
    this.largestReservation = Math.max(this.largestReservation, reserved);
    member.overrun += overrun;
    member.overrunMax = Math.max(member.overrunMax, member.overrun);
    member.attempts.set(attempt, { request, actual, output, period: this.#period, overrun });
  }

  #member(replica: number): Member {
    const member = this.#members[replica];
    if (member === undefined) throw new Error(`there is no replica ${replica}`);
    return member;
  }
}
