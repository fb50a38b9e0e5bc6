/**
 * A quick yes, asked once per decision: no limit of the total, the tenant or the route refuses this request at any deployment of the route, whatever it costs there, and
 * no deployment of the route has limits of its own. No says nothing: then each deployment is asked for (limit-check.ts).
 */
import { missing, present } from "../assert.ts";
import type { CompiledConfig, LimitSpec, RouteSpec } from "../compiled-config.ts";
import type { RequestSlot, RouterState } from "../state.ts";
import { leaseRefuses } from "./lease.ts";
import { unitsOf } from "./limit-check.ts";
import { callerLimits, type LimitIndex } from "./limit-index.ts";
import { outputToReserve } from "./output-estimate.ts";

/** What holds for all deployments of a route; made once per configuration. */
export interface RouteLimits {
  readonly noneOfItsOwn: boolean;
}

export function routeLimitsOf(config: CompiledConfig, route: RouteSpec, index: LimitIndex): RouteLimits {
  const deployments = route.deployments.map((id) => present(config.deployments[id], "a deployment of the route"));
  return {
    noneOfItsOwn: deployments.every(({ id }) => (index.ofDeployment[id]?.length ?? 0) === 0),
  };
}

export function limitsPass(limits: LimitIndex, ofRoute: RouteLimits, state: RouterState, route: RouteSpec, slot: RequestSlot): boolean {
  if (!limits.some) return true;
  // What the dearest deployment costs is known for the usual prices.
  if (slot.request.priorityTier === true) return false;
  const dearest = state.dearest[route.id] ?? missing("the route's prices");
  if (!ofRoute.noneOfItsOwn || (dearest.someUnknown && limits.config.unknownPrice === "refuse")) return false;
  const { request } = slot;
  const { output: estimate } = state.routes[request.route] ?? missing("the route's state");
  const output = outputToReserve(estimate, request.outputTokensMax);
  const nano = Math.ceil((request.inputTokens * dearest.input + output * dearest.output + (request.pictures ?? 0) * dearest.picture) / 1000);
  const tokens = request.inputTokens + output;
  return allPass(callerLimits(limits, request, route.id), state, slot, tokens, nano);
}

function allPass(specs: readonly LimitSpec[], state: RouterState, slot: RequestSlot, tokens: number, nano: number): boolean {
  for (let place = 0; place < specs.length; place += 1) {
    const spec = specs[place] as LimitSpec;
    const lease = state.leases[spec.id] ?? missing("the lease's state");
    if (spec.unit === "nano-dollars" && lease.noticed !== "nothing") return false;
    const units = unitsOf(spec, tokens, nano, slot.attempts > 0);
    const spent = lease.spent + units;
    if (units <= spec.amount && spent <= (spec.window.kind === "held" ? spec.amount : lease.calm)) continue;
    if (leaseRefuses(lease, spec, units, state.now, state.storeLost) !== null) return false;
  }
  return true;
}
