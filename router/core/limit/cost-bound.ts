/**
 * What one request may cost, all its attempts together: what its caller will pay, and what the route that was asked for allows to requests that may not be delayed. A
 * deployment is left out where what has been spent, and what an attempt there would cost for the estimated prompt and the whole of the output that is allowed, come to
 * more. Nano-dollars. A price that is not known cannot be bounded: such a deployment is left out
 * where the configuration refuses unknown prices, and taken otherwise.
 */
import { priceNow } from "../accounting/price-now.ts";
import type { CompiledConfig, DeploymentSpec } from "../compiled-config.ts";
import type { RouteRequest } from "../messages.ts";
import type { RequestSlot, RouterState } from "../state.ts";
import { expectedNano } from "./limit-check.ts";

export function costRefuses(config: CompiledConfig, state: RouterState, slot: RequestSlot, deployment: DeploymentSpec): "too-dear" | null {
  const { request, spent } = slot;
  const most = costMaxOf(config, request);
  if (most === Infinity) return null;
  const rates = priceNow(state, deployment.id, request);
  if (rates === null) return config.unknownPrice === "refuse" ? "too-dear" : null;
  return spent.picoDollars / 1000 + expectedNano(rates, request, request.outputTokensMax) > most ? "too-dear" : null;
}

function costMaxOf({ routes }: CompiledConfig, { route, batch, costMaxNano = Infinity }: RouteRequest): number {
  return batch === true ? costMaxNano : Math.min(costMaxNano, routes[route]?.costMaxNano ?? Infinity);
}
