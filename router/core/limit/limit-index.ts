import { missing } from "../assert.ts";
import type { CompiledConfig, LimitSpec } from "../compiled-config.ts";
import type { RouteId, RouteRequest } from "../messages.ts";

/** Which limits bind whom: looked up by id, so that a decision compares nothing. Made once per configuration. */
export interface LimitIndex {
  readonly config: CompiledConfig;
  readonly some: boolean;
  readonly total: readonly LimitSpec[];
  /** By TenantId, RouteId, DeploymentId. */
  readonly ofTenant: readonly (readonly LimitSpec[])[];
  readonly ofRoute: readonly (readonly LimitSpec[])[];
  readonly ofDeployment: readonly (readonly LimitSpec[])[];
  /** By DeploymentId. */
  readonly selfHosted: readonly boolean[];
  /** By TenantId and RouteId, each list made when it is first asked for: see `callerLimits`. */
  readonly ofCaller: (readonly LimitSpec[])[][];
}

export function indexLimits(config: CompiledConfig): LimitIndex {
  const { limits, tenants, routes, deployments } = config;
  return {
    config,
    some: limits.length > 0,
    total: limits.filter(({ scope }) => scope.kind === "total"),
    ofTenant: tenants.map(({ id }) => limits.filter(({ scope }) => scope.kind === "tenant" && scope.tenant === id)),
    ofRoute: routes.map(({ id }) => limits.filter(({ scope }) => scope.kind === "route" && scope.route === id)),
    ofDeployment: deployments.map(({ id }) => limits.filter(({ scope }) => scope.kind === "deployments" && scope.deployments.includes(id))),
    selfHosted: deployments.map(({ provider }) => provider === "vllm"),
    ofCaller: tenants.map(() => []),
  };
}

const none: readonly LimitSpec[] = [];

/** What binds a tenant's request to a route, whatever endpoint it goes to. @param at where it has come to: a fallback is bound by both routes' limits */
export function callerLimits(limits: LimitIndex, { tenant, route }: RouteRequest, at: RouteId): readonly LimitSpec[] {
  const { ofCaller, ofTenant, ofRoute, total } = limits;
  const ofRoutes = ofCaller[tenant] ?? missing("the tenant's limits");
  const own = (ofRoutes[route] ??= [...total, ...(ofTenant[tenant] ?? none), ...(ofRoute[route] ?? none)]);
  return at === route ? own : [...own, ...(ofRoute[at] ?? none)];
}
