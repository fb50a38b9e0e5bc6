import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { BreakerPhase, EndpointId } from "../../../router/core/messages.ts";
import { never } from "../../../router/core/time.ts";
import type { FaultSpec } from "../compiled-scenario.ts";
import { type Distribution, distributionMs } from "./percentile.ts";

/**
 * Breakers against the fault script, which knows what is true. Faults of one endpoint that overlap or touch are one trouble. An opening is right while a trouble
 * is active, and until the last attempt that began in it has failed; any other is a false positive, a probe's failure that opens it again among them. Of several
 * replicas of the router each opening counts.
 *
 * Time to open counts from the first failure that an attempt met in the trouble (a timeout is met when it ends the attempt) to the first opening; time to close
 * from the trouble's end to the first closing. A trouble is missed when nothing opened although of the attempts that began in it half or more failed, and not
 * fewer than the breaker needs to see.
 */
export interface BreakerJudgement {
  /** Of the script, overlapping ones taken together; `met`: in which an attempt failed. */
  readonly troubles: number;
  readonly met: number;
  readonly openings: number;
  readonly falsePositives: number;
  readonly missed: number;
  readonly timeToOpenMs: Distribution | null;
  readonly timeToCloseMs: Distribution | null;
}

interface Trouble {
  readonly at: Instant;
  readonly until: Instant;
  /** Until then failures that began in it may still come in. */
  felt: Instant;
  attempts: number;
  failures: number;
  firstFailure: Instant;
  opened: Instant;
  closed: Instant;
}

interface Watched {
  readonly troubles: readonly Trouble[];
  openings: number;
  falsePositives: number;
}

export class BreakerJudge {
  readonly #config: CompiledConfig;
  /** By EndpointId. */
  readonly #watched: readonly Watched[];

  constructor(config: CompiledConfig, faults: readonly FaultSpec[]) {
    this.#config = config;
    this.#watched = config.endpoints.map(({ id }) => ({ troubles: troublesOf(faults, id), openings: 0, falsePositives: 0 }));
  }

  attemptEnded(endpoint: EndpointId, startedAt: Instant, at: Instant, failed: boolean): void {
    const trouble = this.#lastBegun(endpoint, at);
    if (trouble === null || startedAt >= trouble.until) return;
    if (startedAt >= trouble.at) trouble.attempts += 1;
    if (!failed) return;
    if (startedAt >= trouble.at) trouble.failures += 1;
    if (trouble.firstFailure === never) trouble.firstFailure = at;
    if (at > trouble.felt) trouble.felt = at;
  }

  breakerChanged(endpoint: EndpointId, to: BreakerPhase, at: Instant): void {
    const watched = this.#watched[endpoint];
    if (watched === undefined) return;
    const trouble = this.#lastBegun(endpoint, at);
    if (to === "open") {
      watched.openings += 1;
      if (trouble === null || at > trouble.felt) watched.falsePositives += 1;
      else if (trouble.opened === never) trouble.opened = at;
    } else if (to === "closed" && trouble !== null && at >= trouble.until && trouble.opened !== never && trouble.closed === never) trouble.closed = at;
  }

  /** Of the endpoint; null: of all together. */
  judgement(endpoint: EndpointId | null): BreakerJudgement {
    const chosen = this.#watched.flatMap((watched, id) => (endpoint === null || endpoint === id ? [{ ...watched, id: id as EndpointId }] : []));
    const troubles = chosen.flatMap((watched) => watched.troubles);
    const opened = troubles.filter(({ opened: at, firstFailure }) => at !== never && firstFailure !== never);
    const closed = troubles.filter(({ closed: at }) => at !== never);
    return {
      troubles: troubles.length,
      met: troubles.filter(({ firstFailure }) => firstFailure !== never).length,
      openings: chosen.reduce((sum, { openings }) => sum + openings, 0),
      falsePositives: chosen.reduce((sum, { falsePositives }) => sum + falsePositives, 0),
      missed: chosen.reduce((sum, watched) => sum + watched.troubles.filter((trouble) => this.#isMissed(trouble, watched.id)).length, 0),
      timeToOpenMs: distributionMs(Float64Array.from(opened, (trouble) => Math.max(0, trouble.opened - trouble.firstFailure))),
      timeToCloseMs: distributionMs(Float64Array.from(closed, (trouble) => trouble.closed - trouble.until)),
    };
  }

  #isMissed({ opened, attempts, failures }: Trouble, endpoint: EndpointId): boolean {
    const breaker = this.#config.deployments[this.#config.endpoints[endpoint]?.deployment ?? -1]?.breaker;
    if (breaker === undefined || opened !== never) return false;
    const needed = Math.max(breaker.failures, breaker.rate?.minimum ?? 0);
    return failures >= needed && 2 * failures >= attempts;
  }

  /** Troubles of one endpoint do not overlap: the last to have begun is the only one that can be active. */
  #lastBegun(endpoint: EndpointId, at: Instant): Trouble | null {
    const troubles = this.#watched[endpoint]?.troubles ?? [];
    let low = 0;
    let high = troubles.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((troubles[middle]?.at ?? never) <= at) low = middle + 1;
      else high = middle;
    }
    return troubles[low - 1] ?? null;
  }
}

function troublesOf(faults: readonly FaultSpec[], endpoint: EndpointId): readonly Trouble[] {
  const own = faults.filter((fault) => fault.endpoint === endpoint && fault.until > fault.at).toSorted((one, other) => one.at - other.at);
  const spans: { at: Instant; until: Instant }[] = [];
  for (const { at, until } of own) {
    const last = spans.at(-1);
    if (last !== undefined && at <= last.until) last.until = until > last.until ? until : last.until;
    else spans.push({ at, until });
  }
  return spans.map((span) => ({ ...span, felt: span.until, attempts: 0, failures: 0, firstFailure: never, opened: never, closed: never }));
}
