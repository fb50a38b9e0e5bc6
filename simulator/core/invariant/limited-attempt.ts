/** What one attempt means to limits, as a checker sees it: which of them bind it, and what of them it has used. */
import { costOf } from "../../../router/core/accounting/ledger.ts";
import { ratesFor, tierAt } from "../../../router/core/accounting/price-now.ts";
import type { Rates } from "../../../router/core/accounting/rates.ts";
import type { DeploymentSpec, LimitSpec } from "../../../router/core/compiled-config.ts";
import type { AttemptOutcome, DeploymentId, RouteId, RouteRequest, Usage } from "../../../router/core/messages.ts";

export interface LimitedRequest {
  readonly request: RouteRequest;
  /** Where it is now: the route that was asked for, or a fallback of it. */
  route: RouteId;
  attempts: number;
}

export interface PricedAttempt {
  readonly request: RouteRequest;
  readonly deployment: DeploymentId;
  readonly card: Rates | null;
}

export function binds(limit: LimitSpec | undefined, { request, route }: LimitedRequest, deployment: DeploymentSpec): boolean {
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
export function usedOf(spec: LimitSpec, { billed, usage }: AttemptOutcome, attempt: PricedAttempt, reserved: number): number {
  if (billed === "no") return 0;
  if (usage === null) return reserved;
  return spec.unit === "tokens" ? usage.input + usage.output : nanoOf(usage, attempt);
}

function nanoOf(usage: Usage, { card, request, deployment }: PricedAttempt): number {
  const rates = ratesFor(card, usage.tier ?? tierAt(request, deployment));
  return rates === null ? 0 : Math.ceil(costOf(usage, rates, request.pictures) / 1000);
}
