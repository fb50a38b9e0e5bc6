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
import { cardNow, countVolume } from "../../../router/core/accounting/price-now.ts";
import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { CompiledConfig, LimitSpec } from "../../../router/core/compiled-config.ts";
import { unitsOf } from "../../../router/core/limit/limit-check.ts";
import { samePlain } from "../../../router/core/plain.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { AttemptOutcome, RouterCommand, RouterEvent } from "../../../router/core/messages.ts";
import { startOfTime } from "../../../router/core/time.ts";
import { type BoundAttempt, LimitTally } from "./limit-tally.ts";
import { binds, type LimitedRequest, type PricedAttempt, usedOf } from "./limited-attempt.ts";
import type { Violation } from "./violation.ts";
import { VersionsSeen } from "./versions-seen.ts";

type Start = Extract<RouterCommand, { kind: "start-attempt" }>;

interface SeenAttempt extends PricedAttempt {
  readonly bound: readonly BoundAttempt[];
}

export class LimitInvariants {
  readonly #config: CompiledConfig;
  readonly #requests = new Map<string, LimitedRequest>();
  readonly #attempts = new Map<string, SeenAttempt>();
  readonly #tallies: LimitTally[];
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
    this.#tallies = config.limits.map((spec) => this.#newTally(spec, replicas, startOfTime));
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
      if (known === undefined || known.spec.name !== spec.name) this.#tallies[spec.id] = this.#newTally(spec, this.#versions.length, this.#now);
    }
    for (const tally of this.#tallies) {
      const amounts = all.filter(({ id }) => id === tally.spec.id).map(({ amount }) => amount);
      tally.amountsAre(amounts, this.#now);
    }
  }

  /** So far: of what attempts in flight will have used beyond their reservations, nothing is known yet. */
  finished(): readonly Violation[] {
    for (const tally of this.#tallies) tally.judge(this.#incarnations);
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
    else if (event.kind === "period-started") this.#tally(event.budget).periodStarted(event.endsAt, this.#incarnations);
    else if (event.kind === "price-changed") this.#prices[event.deployment] = event.rates;
    else if (event.kind === "billing-month-started") this.#volumesOf(replica).fill(0);
    else if (event.kind === "lease-answered") this.#tally(event.lease).leased(event.units);
  }

  /** The replica is gone with its requests and attempts, what those in flight have used with them; what comes back counts as one more. */
  crashed(replica: number): void {
    for (const known of [this.#requests, this.#attempts]) for (const key of known.keys()) if (key.startsWith(`${replica} `)) known.delete(key);
    this.#incarnations += 1;
    this.#volumes[replica] = [];
    this.#versions[replica] = new VersionsSeen(this.#config, () => undefined);
    for (const tally of this.#tallies) tally.crashed(replica);
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

  #tally(id: number): LimitTally {
    return present(this.#tallies[id], "the limit");
  }

  #started(command: Start, seen: LimitedRequest, replica: number): void {
    const config = present(this.#versions[replica], "the replica's versions").of(command.version);
    const deployment = present(config.deployments[present(config.endpoints[command.endpoint], "the endpoint").deployment], "its deployment");
    const again = seen.attempts > 0;
    seen.attempts += 1;
    const bound = this.#tallies
      .filter(({ spec: { id } }) => binds(config.limits[id], seen, deployment))
      .map((tally): BoundAttempt => {
        const { spec, amount } = tally;
        const ofCaller = config.limits[spec.id]?.scope.kind !== "deployments";
        const reserved = unitsOf({ ...spec, amount }, command.reservedTokens, command.reservedNano, again && ofCaller);
        return tally.attemptStarted(replica, reserved, this.#now);
      });
    this.#attempts.set(`${replica} ${command.attempt}`, {
      request: seen.request,
      deployment: deployment.id,
      card: cardNow({ prices: this.#prices, volumes: this.#volumesOf(replica) }, deployment.id),
      bound,
    });
  }

  #ended(key: string, outcome: AttemptOutcome, replica: number): void {
    const attempt = this.#attempts.get(key);
    if (attempt === undefined) return;
    this.#attempts.delete(key);
    if (outcome.billed !== "no" && outcome.usage !== null) countVolume(this.#volumesOf(replica), attempt.deployment, outcome.usage);
    for (const one of attempt.bound) one.tally.attemptEnded(one, () => usedOf(one.tally.spec, outcome, attempt, one.reserved), replica, this.#now);
  }

  #newTally(spec: LimitSpec, replicas: number, now: Instant): LimitTally {
    return new LimitTally(spec, replicas, now, (what, at) => this.#violate(what, at));
  }

  #violate(what: string, at: Instant): void {
    if (this.#violations.length < 100) this.#violations.push({ invariant: "I6", at, what });
  }
}
