import type { CompiledConfig, LimitSpec } from "../compiled-config.ts";

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
}

/** What binds one attempt: the limits of its caller, `ofCaller` of them, then its deployment's. Filled again for every attempt: only the first `count` are meant. */
export interface BindingLimits {
  readonly specs: LimitSpec[];
  count: number;
  ofCaller: number;
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
  };
}
