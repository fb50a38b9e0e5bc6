/**
 * I6: no limit or budget is exceeded by more than its stated bound, whatever retries, hedges, fallbacks, restarts and partitions there are.
 *
 * Checked from outside, over all replicas: what attempts set aside when they start, corrected by what their outcomes say that they used, is at most the amount + replicas x
 * (largest lease + credit) + the sum over the replicas of the most that the attempts of each, in flight together, have used beyond their reservations. The credit is the largest reservation. A
 * replica that has crashed and come back counts as one more. A budget counts what was started in its period. A rate is a bucket of its amount that fills evenly: it may be
 * overdrawn by the bound. What is held at one time (attempts in flight) is each replica's own and has no bound beside its amount.
 * Where versions of the configuration have different amounts, the largest that is in force anywhere counts, of a budget the largest of its period.
 */
import { present } from "../../../router/core/assert.ts";
import { costOf } from "../../../router/core/accounting/ledger.ts";
import { cardNow, countVolume, ratesFor, tierAt } from "../../../router/core/accounting/price-now.ts";
import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { CompiledConfig, DeploymentSpec, LimitSpec } from "../../../router/core/compiled-config.ts";
import { unitsOf } from "../../../router/core/limit/limit-check.ts";
import { samePlain } from "../../../router/core/plain.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptOutcome, DeploymentId, RouteId, RouterCommand, RouterEvent, RouteRequest, Usage } from "../../../router/core/messages.ts";
import { startOfTime } from "../../../router/core/time.ts";
import { OverrunPeak } from "./overrun-peak.ts";
import type { Violation } from "./violation.ts";
import { VersionsSeen } from "./versions-seen.ts";

type Start = Extract<RouterCommand, { kind: "start-attempt" }>;

interface SeenRequest {
  readonly request: RouteRequest;
  /** Where it is now: the route that was asked for, or a fallback of it. */
  route: RouteId;
  attempts: number;
}

interface SeenAttempt {
  readonly request: RouteRequest;
  readonly deployment: DeploymentId;
  readonly card: Rates | null;
  readonly bound: readonly BoundAttempt[];
}

/** What an attempt means to one of the limits that bind it. */
interface BoundAttempt {
  readonly tally: Tally;
  readonly period: number;
  readonly reserved: number;
  /** In its replica's OverrunPeak; -1: nothing is corrected. */
  readonly start: number;
}

/** One limit, seen from outside. */
interface Tally {
  readonly spec: LimitSpec;
  /** In force in some live version of some replica, the largest; and of the period. */
  amount: number;
  amountMost: number;
  period: number;
  spent: number;
  /** Of a rate: what is left in the bucket. */
  level: number;
  filledAt: Instant;
  /** Beyond the amount, at the worst of this period (of a rate: ever), and when. */
  excess: number;
  excessAt: Instant;
  largestLease: number;
  largestReservation: number;
  /** By replica. */
  readonly overruns: OverrunPeak[];
  overrunOfCrashed: number;
  readonly inFlightOf: number[];
}

export class LimitInvariants {
  readonly #config: CompiledConfig;
  readonly #requests = new Map<string, SeenRequest>();
  readonly #attempts = new Map<string, SeenAttempt>();
  readonly #tallies: Tally[];
  /** By replica. */
  readonly #versions: VersionsSeen[];
  readonly #prices: (Rates | null)[];
  /** By replica and deployment: tokens billed this month. */
  readonly #volumes: number[][];
  readonly #violations: Violation[] = [];
  #incarnations: number;
  #now = startOfTime;

  constructor(config: CompiledConfig, replicas: number) {
    this.#config = config;
    this.#incarnations = replicas;
    this.#volumes = Array.from({ length: replicas }, () => []);
    this.#prices = config.deployments.map(({ rates }) => rates);
    this.#versions = Array.from({ length: replicas }, () => new VersionsSeen(config, () => undefined));
    this.#tallies = config.limits.map((spec) => newTally(spec, replicas, startOfTime));
  }

  #activated(event: Extract<RouterEvent, { kind: "config-activated" }>, replica: number): void {
    this.#change(replica, (versions) => versions.activated(event));
  }

  #change(replica: number, change: (versions: VersionsSeen) => void): void {
    const versions = present(this.#versions[replica], "the replica's versions");
    const before = versions.stable.deployments;
    change(versions);
    for (const { id, rates } of versions.stable.deployments) if (!samePlain(before[id]?.rates, rates)) this.#prices[id] = rates;
    const all = this.#versions.flatMap((seen) => seen.all.flatMap(({ limits }) => limits)).filter(({ gone }) => gone !== true);
    for (const spec of all) {
      const known = this.#tallies[spec.id];
      if (known === undefined || known.spec.name !== spec.name) this.#tallies[spec.id] = newTally(spec, this.#versions.length, this.#now);
    }
    for (const tally of this.#tallies) {
      const amounts = all.filter(({ id }) => id === tally.spec.id).map(({ amount }) => amount);
      if (tally.spec.window.kind === "rate") fill(tally, tally.spec.window.per, this.#now);
      if (amounts.length > 0) tally.amount = Math.max(...amounts);
      tally.amountMost = Math.max(tally.amountMost, tally.amount);
    }
  }

  /** So far: of what attempts in flight will have used beyond their reservations, nothing is known yet. */
  finished(): readonly Violation[] {
    for (const tally of this.#tallies) this.#judge(tally);
    return this.#violations;
  }

  event(event: RouterEvent, now: Instant, replica: number): void {
    if (event.kind === "config-activated") {
      this.#now = now;
      this.#activated(event, replica);
    }
    if (this.#tallies.length === 0) return;
    this.#now = now;
    if (event.kind === "request-arrived") {
      const { request } = event;
      this.#requests.set(`${replica} ${request.id}`, { request, route: request.route, attempts: 0 });
    } else if (event.kind === "attempt-ended") this.#ended(`${replica} ${event.attempt}`, event.outcome, replica);
    else if (event.kind === "period-started") this.#periodStarted(this.#tally(event.budget), event.endsAt);
    else if (event.kind === "price-changed") this.#prices[event.deployment] = event.rates;
    else if (event.kind === "billing-month-started") this.#volumesOf(replica).fill(0);
    else if (event.kind === "lease-answered") {
      const tally = this.#tally(event.lease);
      tally.largestLease = Math.max(tally.largestLease, event.units);
    }
  }

  /** The replica is gone with its requests and attempts, what those in flight have used with them; what comes back counts as one more. */
  crashed(replica: number): void {
    for (const known of [this.#requests, this.#attempts]) for (const key of known.keys()) if (key.startsWith(`${replica} `)) known.delete(key);
    this.#incarnations += 1;
    this.#volumes[replica] = [];
    this.#versions[replica] = new VersionsSeen(this.#config, () => undefined);
    for (const tally of this.#tallies) {
      tally.inFlightOf[replica] = 0;
      tally.overrunOfCrashed += tally.overruns[replica]?.peak ?? 0;
      tally.overruns[replica] = new OverrunPeak();
    }
  }

  command(command: RouterCommand, at: Instant, replica: number): void {
    if (this.#tallies.length === 0) return;
    this.#now = at;
    const seen = "request" in command ? this.#requests.get(`${replica} ${command.request}`) : undefined;
    if (command.kind === "finish-request") this.#requests.delete(`${replica} ${command.request}`);
    else if (command.kind === "retire-config") this.#change(replica, (versions) => versions.retired(command.version));
    else if (command.kind === "request-rerouted" && seen !== undefined) seen.route = command.to;
    else if (command.kind === "start-attempt" && seen !== undefined) this.#started(command, seen, replica);
  }

  #volumesOf(replica: number): number[] {
    return present(this.#volumes[replica], "the replica's volumes");
  }

  #tally(id: number): Tally {
    return present(this.#tallies[id], "the limit");
  }

  /** Every replica is told; the first word counts. */
  #periodStarted(tally: Tally, endsAt: Instant): void {
    if (tally.filledAt === endsAt) return;
    this.#judge(tally);
    tally.period += 1;
    tally.spent = 0;
    tally.excess = 0;
    tally.amountMost = tally.amount;
    tally.filledAt = endsAt;
  }

  #started(command: Start, seen: SeenRequest, replica: number): void {
    const config = present(this.#versions[replica], "the replica's versions").of(command.version);
    const deployment = present(config.deployments[present(config.endpoints[command.endpoint], "the endpoint").deployment], "its deployment");
    const again = seen.attempts > 0;
    seen.attempts += 1;
    const bound = this.#tallies
      .filter(({ spec: { id } }) => binds(config.limits[id], seen, deployment))
      .map((tally): BoundAttempt => {
        const { spec, period } = tally;
        const ofCaller = config.limits[spec.id]?.scope.kind !== "deployments";
        const reserved = unitsOf({ ...spec, amount: tally.amount }, command.reservedTokens, command.reservedNano, again && ofCaller);
        if (spec.window.kind === "held") this.#hold(tally, replica);
        else this.#book(tally, reserved);
        tally.largestReservation = Math.max(tally.largestReservation, reserved);
        const corrected = spec.window.kind !== "held" && spec.unit !== "requests";
        return { tally, period, reserved, start: corrected ? present(tally.overruns[replica], "the replica's overruns").started() : -1 };
      });
    this.#attempts.set(`${replica} ${command.attempt}`, {
      request: seen.request,
      deployment: deployment.id,
      card: cardNow({ prices: this.#prices, volumes: this.#volumesOf(replica) }, deployment.id),
      bound,
    });
  }

  #hold({ spec, amount, inFlightOf }: Tally, replica: number): void {
    const inFlight = (inFlightOf[replica] ?? 0) + 1;
    inFlightOf[replica] = inFlight;
    if (inFlight > amount) this.#violate(`${spec.name}: ${inFlight} attempts in flight, ${amount} are allowed`, this.#now);
  }

  #ended(key: string, outcome: AttemptOutcome, replica: number): void {
    const attempt = this.#attempts.get(key);
    if (attempt === undefined) return;
    this.#attempts.delete(key);
    if (outcome.billed !== "no" && outcome.usage !== null) countVolume(this.#volumesOf(replica), attempt.deployment, outcome.usage);
    for (const { tally, period, reserved, start } of attempt.bound) {
      const { spec } = tally;
      if (spec.window.kind === "held") tally.inFlightOf[replica] = (tally.inFlightOf[replica] ?? 0) - 1;
      if (start < 0) continue;
      const change = usedOf(spec, outcome, attempt, reserved) - reserved;
      present(tally.overruns[replica], "the replica's overruns").ended(start, Math.max(0, change));
      if (spec.window.kind === "rate" || period === tally.period) this.#book(tally, change);
    }
  }

  #book(tally: Tally, units: number): void {
    const { spec } = tally;
    if (spec.window.kind === "rate") {
      fill(tally, spec.window.per, this.#now);
      tally.level = Math.min(tally.amount, tally.level - units);
    } else tally.spent += units;
    const excess = spec.window.kind === "rate" ? -tally.level : tally.spent - tally.amountMost;
    if (excess <= tally.excess) return;
    tally.excess = excess;
    tally.excessAt = this.#now;
  }

  #judge({ spec, excess, excessAt, largestLease, largestReservation, overruns, overrunOfCrashed }: Tally): void {
    const overrun = overruns.reduce((sum, { peak }) => sum + peak, overrunOfCrashed);
    const bound = this.#incarnations * (largestLease + largestReservation) + overrun;
    if (excess > bound) this.#violate(`${spec.name}: ${Math.ceil(excess)} beyond the ${spec.amount} that are allowed, the bound is ${bound}`, excessAt);
  }

  #violate(what: string, at: Instant): void {
    if (this.#violations.length < 100) this.#violations.push({ invariant: "I6", at, what });
  }
}

function newTally(spec: LimitSpec, replicas: number, now: Instant): Tally {
  return {
    spec,
    amount: spec.amount,
    amountMost: spec.amount,
    period: 0,
    spent: 0,
    level: spec.amount,
    filledAt: now,
    excess: 0,
    excessAt: now,
    largestLease: 0,
    largestReservation: 0,
    overruns: Array.from({ length: replicas }, () => new OverrunPeak()),
    overrunOfCrashed: 0,
    inFlightOf: Array.from({ length: replicas }, () => 0),
  };
}

function fill(tally: Tally, per: number, now: Instant): void {
  tally.level = Math.min(tally.amount, tally.level + ((now - tally.filledAt) * tally.amount) / per);
  tally.filledAt = now;
}

function binds(limit: LimitSpec | undefined, { request, route }: SeenRequest, deployment: DeploymentSpec): boolean {
  // Another version has it, or had it.
  if (limit === undefined || limit.gone === true) return false;
  const { scope, atLimit } = limit;
  if (atLimit === "self-hosted" && deployment.provider === "vllm") return false;
  switch (scope.kind) {
    case "total":
      return true;
    case "tenant":
      return scope.tenant === request.tenant;
    case "route":
      return scope.route === request.route || scope.route === route;
    case "deployments":
      return scope.deployments.includes(deployment.id);
  }
}

/** What is billed without a figure is taken for what was set aside. */
function usedOf(spec: LimitSpec, { billed, usage }: AttemptOutcome, attempt: SeenAttempt, reserved: number): number {
  if (billed === "no") return 0;
  if (usage === null) return reserved;
  return spec.unit === "tokens" ? usage.input + usage.output : nanoOf(usage, attempt);
}

function nanoOf(usage: Usage, { card, request, deployment }: SeenAttempt): number {
  const rates = ratesFor(card, usage.tier ?? tierAt(request, deployment));
  return rates === null ? 0 : Math.ceil(costOf(usage, rates, request.pictures) / 1000);
}
