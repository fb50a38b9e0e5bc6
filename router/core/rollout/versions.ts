/**
 * Versions of the configuration, side by side.
 *
 * A request belongs to the version it arrived under, to its end: queue, retries, hedges and fallbacks included. New requests go to the `stable` version, but for the share
 * that goes to a `canary`: by a draw that belongs to the request (its serial), or to its tenant, so that the same seed, or the same tenant, always gives the same. A larger
 * share contains the smaller one. A request for a route that only one of the two has goes to that one.
 *
 * What exists once is shared by identity and never doubled: endpoints with their breakers, places and what was learned; queues, retry and hedge budgets and estimates of
 * routes; leases; prices and totals. A shared thing has one rule, the stable version's: its breaker, concurrency, price, amounts of limits. A canary's rules for them come into
 * force when it becomes stable; for what only it has, at once. Everything else (routes with their deployments, weights, strategies, retries, timeouts, queues, hedges, fallbacks) is each
 * version's own, the turns of its strategies with it.
 *
 * A version that gets no new requests is retired when its last one has ended. At most `liveVersionsMax` are live at once; the driver holds back a further one until one is
 * retired (live-versions.ts).
 */
import { present } from "../assert.ts";
import type { CompiledConfig, ConfigVersion, DeploymentSpec, RouteSpec } from "../compiled-config.ts";
import type { RouteRequest } from "../messages.ts";
import { keyedUnit, purposeOf } from "../random.ts";
import { fillGaps } from "./align-config.ts";

export const liveVersionsMax = 4;
const noVersion = -1 as ConfigVersion;

/** Who gets new requests. */
export interface Shares {
  stable: ConfigVersion;
  /** `noVersion`: there is none. */
  canary: ConfigVersion;
  /** Of new requests, 0..1. */
  share: number;
  by: CanaryKey;
}
/** What a request is drawn by: itself, or its tenant. */
export type CanaryKey = "request" | "tenant";

export const allTo = (stable: ConfigVersion): Shares => ({ stable, canary: noVersion, share: 0, by: "request" });

/** `share` 1 and more: it becomes the stable one; 0: it gets no new requests (any more). */
export function sharesAfter(shares: Shares, version: ConfigVersion, share: number, by: CanaryKey): Shares {
  if (share >= 1) return allTo(version);
  if (share > 0) return version === shares.stable ? shares : { stable: shares.stable, canary: version, share, by };
  return version === shares.canary ? allTo(shares.stable) : shares;
}

export const takesRequests = ({ stable, canary }: Shares, version: ConfigVersion): boolean => version === stable || version === canary;

/** Otherwise all that is new goes to the stable one. */
export const hasCanary = ({ canary }: Shares): boolean => canary !== noVersion;

const canaryDraw = purposeOf("canary-share");

/** Where there is a canary. @param has whether a version has the request's route */
export function versionFor(shares: Shares, request: RouteRequest, seed: number, has: (version: ConfigVersion) => boolean): ConfigVersion {
  const { stable, canary, share, by } = shares;
  // A tenant's draw is the same in every replica, whatever its seed.
  const unit = by === "tenant" ? keyedUnit(0, canaryDraw, request.tenant, canary) : keyedUnit(seed, canaryDraw, request.serial, canary);
  const drawn = unit < share ? canary : stable;
  return has(drawn) || !has(drawn === canary ? stable : canary) ? drawn : drawn === canary ? stable : canary;
}

/** One version's own configuration in the ids of all, under the rules that the stable one has for what is shared. */
export function viewOf(own: CompiledConfig, stable: CompiledConfig, all: readonly CompiledConfig[]): CompiledConfig {
  if (all.length === 1) return own;
  const view = fillGaps(own, all);
  if (own === stable) return view;
  return {
    ...view,
    deployments: view.deployments.map((deployment) => ruledBy(deployment, stable.deployments[deployment.id])),
    limits: view.limits.map((limit) => {
      const ruling = stable.limits[limit.id];
      if (ruling === undefined || ruling.gone === true) return limit;
      const { amount, alertPerMille, atAlert } = ruling;
      return { ...limit, amount, alertPerMille, atAlert };
    }),
  };
}

function ruledBy(deployment: DeploymentSpec, ruling: DeploymentSpec | undefined): DeploymentSpec {
  if (ruling === undefined || ruling.gone === true) return deployment;
  const { breaker, probe, concurrencyMax, adaptiveLimit, rates } = ruling;
  return { ...deployment, breaker, probe, concurrencyMax, adaptiveLimit, rates };
}

export const hasRoute = ({ routes }: CompiledConfig, id: RouteSpec["id"]): boolean =>
  routes[id] !== undefined && present(routes[id], "the route").gone !== true;
