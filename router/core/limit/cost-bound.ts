/**
 * What a caller will pay for one request, all its attempts together: a deployment is left out where what has been spent, and what an attempt there would cost for the
 * estimated prompt and the whole of the output that is allowed, come to more. Nano-dollars. A price that is not known cannot be bounded: such a deployment is left out
 * where the configuration refuses unknown prices, and taken otherwise.
 */
import { priceNow } from "../accounting/price-now.ts";
import type { CompiledConfig, DeploymentSpec } from "../compiled-config.ts";
import type { RequestSlot, RouterState } from "../state.ts";
import { expectedNano } from "./limit-check.ts";

export function costRefuses({ unknownPrice }: CompiledConfig, state: RouterState, slot: RequestSlot, deployment: DeploymentSpec): "too-dear" | null {
  const { request, picoDollars } = slot;
  if (request.costMaxNano === undefined) return null;
  const rates = priceNow(state, deployment.id, request);
  if (rates === null) return unknownPrice === "refuse" ? "too-dear" : null;
  return picoDollars / 1000 + expectedNano(rates, request, request.outputTokensMax) > request.costMaxNano ? "too-dear" : null;
}
