/**
 * I6: no limit or budget is exceeded by more than its stated bound, whatever retries, hedges, fallbacks, restarts and partitions there are.
 *
 * Checked from outside, over all replicas: what attempts really used, by the outcomes, against the amount + replicas x (largest lease + credit) + the sum over attempts in
 * flight of (actual - reserved). The credit is at most the largest reservation, and the last sum at most the most attempts that were ever in flight x the most that one used.
 * A budget counts what was started in its period. A rate is a bucket of its amount that fills evenly: it may be overdrawn by the bound. What is held at one time
 * (attempts in flight) is each replica's own and has no bound beside its amount.
 */
import { costOf } from "../../../router/core/accounting/ledger.ts";
import type { CompiledConfig, DeploymentSpec, LimitSpec } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptOutcome, RouterCommand, RouterEvent, RouteRequest } from "../../../router/core/messages.ts";
import { startOfTime } from "../../../router/core/time.ts";
import type { Violation } from "./router-invariants.ts";

interface SeenRequest {
  readonly request: RouteRequest;
  attempts: number;
}

interface SeenAttempt {
  readonly request: RouteRequest;
  readonly deployment: DeploymentSpec;
  /** By LimitSpec.id: of the period that it started in; -1: not bound by it. */
  readonly periods: readonly number[];
  /** It is the request's first. */
  readonly first: boolean;
}

/** One limit, seen from outside. */
interface Tally {
  readonly spec: LimitSpec;
  period: number;
  spent: number;
  /** Of a rate: what is left in the bucket. */
  level: number;
  filledAt: Instant;
  largestLease: number;
  largestNeed: number;
  largestUse: number;
  inFlight: number;
  inFlightMax: number;
  readonly inFlightOf: number[];
}

export class LimitInvariants {
  readonly #config: CompiledConfig;
  readonly #replicas: number;
  readonly #requests = new Map<string, SeenRequest>();
  readonly #attempts = new Map<string, SeenAttempt>();
  readonly #tallies: readonly Tally[];
  readonly #violations: Violation[] = [];
  #now = startOfTime;

  constructor(config: CompiledConfig, replicas: number) {
    this.#config = config;
    this.#replicas = replicas;
    this.#tallies = config.limits.map((spec) => ({
      spec,
      period: 0,
      spent: 0,
      level: spec.amount,
      filledAt: startOfTime,
      largestLease: 0,
      largestNeed: 0,
      largestUse: 0,
      inFlight: 0,
      inFlightMax: 0,
      inFlightOf: Array.from({ length: replicas }, () => 0),
    }));
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  event(event: RouterEvent, now: Instant, replica: number): void {
    if (this.#tallies.length === 0) return;
    this.#now = now;
    if (event.kind === "request-arrived") this.#requests.set(`${replica} ${event.request.id}`, { request: event.request, attempts: 0 });
    else if (event.kind === "attempt-ended") this.#ended(`${replica} ${event.attempt}`, event.outcome, replica);
    else if (event.kind === "lease-answered") {
      const tally = this.#tallies[event.lease];
      if (tally !== undefined) tally.largestLease = Math.max(tally.largestLease, event.units);
    } else if (event.kind === "period-started") this.#periodStarted(this.#tallies[event.budget], event.endsAt);
  }

  /** Its requests and attempts are gone. */
  crashed(replica: number): void {
    for (const known of [this.#requests, this.#attempts]) for (const key of known.keys()) if (key.startsWith(`${replica} `)) known.delete(key);
    for (const tally of this.#tallies) {
      tally.inFlight -= tally.inFlightOf[replica] ?? 0;
      tally.inFlightOf[replica] = 0;
    }
  }

  /** Every replica is told; the first word counts. */
  #periodStarted(tally: Tally | undefined, endsAt: Instant): void {
    if (tally === undefined || tally.filledAt === endsAt) return;
    tally.period += 1;
    tally.spent = 0;
    tally.filledAt = endsAt;
  }

  command(command: RouterCommand, at: Instant, replica: number): void {
    if (this.#tallies.length === 0) return;
    if (command.kind === "finish-request") this.#requests.delete(`${replica} ${command.request}`);
    if (command.kind !== "start-attempt") return;
    const seen = this.#requests.get(`${replica} ${command.request}`);
    const deployment = this.#config.deployments[this.#config.endpoints[command.endpoint]?.deployment ?? -1];
    if (seen === undefined || deployment === undefined) return;
    this.#now = at;
    const first = seen.attempts === 0;
    seen.attempts += 1;
    const { request } = seen;
    const periods = this.#tallies.map((tally) => (binds(tally.spec, request, deployment) ? tally.period : -1));
    this.#attempts.set(`${replica} ${command.attempt}`, { request, deployment, periods, first });
    this.#tallies.forEach((tally, place) => {
      if (periods[place] !== -1) this.#started(tally, { request, deployment, first }, replica);
    });
  }

  #started(tally: Tally, attempt: Pick<SeenAttempt, "request" | "deployment" | "first">, replica: number): void {
    const { spec } = tally;
    tally.inFlight += 1;
    tally.inFlightMax = Math.max(tally.inFlightMax, tally.inFlight);
    tally.inFlightOf[replica] = (tally.inFlightOf[replica] ?? 0) + 1;
    if (spec.window.kind === "held") {
      if ((tally.inFlightOf[replica] ?? 0) > spec.amount)
        this.#violate(`${spec.name}: ${tally.inFlightOf[replica]} attempts in flight, ${spec.amount} are allowed`);
      return;
    }
    const { request, deployment } = attempt;
    const usage = { input: request.inputTokens, cachedRead: 0, cacheWrite: 0, output: request.outputTokensMax, reasoning: 0 };
    tally.largestNeed = Math.max(tally.largestNeed, unitsOf(spec, usage, deployment));
    if (spec.unit === "requests" && (attempt.first || spec.scope.kind === "deployments")) this.#book(tally, 1);
  }

  #ended(key: string, outcome: AttemptOutcome, replica: number): void {
    const attempt = this.#attempts.get(key);
    if (attempt === undefined) return;
    this.#attempts.delete(key);
    this.#tallies.forEach((tally, place) => {
      const period = attempt.periods[place];
      if (period === -1) return;
      const { spec } = tally;
      if (outcome.billed !== "no" && outcome.usage !== null && spec.unit !== "requests" && spec.window.kind !== "held") {
        const units = unitsOf(spec, outcome.usage, attempt.deployment);
        tally.largestUse = Math.max(tally.largestUse, units);
        if (spec.window.kind === "rate" || period === tally.period) this.#book(tally, units);
      }
      tally.inFlight -= 1;
      tally.inFlightOf[replica] = (tally.inFlightOf[replica] ?? 0) - 1;
    });
  }

  #book(tally: Tally, units: number): void {
    const { spec } = tally;
    const bound = this.#replicas * (tally.largestLease + tally.largestNeed) + tally.inFlightMax * Math.max(tally.largestUse, 0);
    if (spec.window.kind === "rate") {
      tally.level = Math.min(spec.amount, tally.level + ((this.#now - tally.filledAt) * spec.amount) / spec.window.per) - units;
      tally.filledAt = this.#now;
      if (tally.level < -bound) this.#violate(`${spec.name}: overdrawn by ${Math.ceil(-tally.level)}, ${bound} are allowed`);
      return;
    }
    tally.spent += units;
    if (tally.spent > spec.amount + bound) this.#violate(`${spec.name}: ${tally.spent} spent of ${spec.amount}, ${bound} beyond it are allowed`);
  }

  #violate(what: string): void {
    if (this.#violations.length < 100) this.#violations.push({ invariant: "I6", at: this.#now, what });
  }
}

function binds({ scope, atLimit }: LimitSpec, request: RouteRequest, deployment: DeploymentSpec): boolean {
  if (atLimit === "self-hosted" && deployment.provider === "vllm") return false;
  switch (scope.kind) {
    case "total":
      return true;
    case "tenant":
      return scope.tenant === request.tenant;
    case "route":
      return scope.route === request.route;
    case "deployments":
      return scope.deployments.includes(deployment.id);
  }
}

function unitsOf(spec: LimitSpec, usage: NonNullable<AttemptOutcome["usage"]>, deployment: DeploymentSpec): number {
  if (spec.unit === "tokens") return usage.input + usage.output;
  if (spec.unit !== "nano-dollars") return 1;
  return deployment.rates === null ? 0 : Math.ceil(costOf(usage, deployment.rates) / 1000);
}
