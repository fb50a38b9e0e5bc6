import { newAdaptiveLimit } from "../admission/adaptive-limit.ts";
import { present } from "../assert.ts";
import type { CompiledConfig, DeploymentSpec } from "../compiled-config.ts";
import type { Core } from "../core.ts";
import { breakerRefits } from "../health/breaker.ts";
import { healthRefits } from "../health/health-course.ts";
import { amendLimit } from "../limit/limit-course.ts";
import { samePlain } from "../plain.ts";
import { noteBreaker } from "../request-course.ts";

/** The rules that now hold for what the versions share. @param before those that did */
export function applyRules(core: Core, before: CompiledConfig): void {
  for (const deployment of core.config.deployments) ruleDeployment(core, deployment, before);
  for (const limit of core.config.limits) if (before.limits[limit.id]?.gone !== true) amendLimit(core, limit, before.limits[limit.id]);
  core.notePrices();
}

function ruleDeployment(core: Core, deployment: DeploymentSpec, before: CompiledConfig): void {
  const { state } = core;
  const { id, rates } = deployment;
  const old = before.deployments[id];
  if (old !== undefined && !samePlain(old.rates, rates)) state.prices[id] = rates;
  const limit = limitUnder(core, deployment);
  const pool = core.poolOf(id);
  const isSame =
    old !== undefined && old.gone !== true && old.concurrencyMax === deployment.concurrencyMax && samePlain(old.adaptiveLimit, deployment.adaptiveLimit);
  if (!isSame || pool.some((endpoint) => state.endpoints[endpoint]?.limit !== limit)) core.emit({ kind: "limit-changed", deployment: id, limit });
  for (const endpoint of pool) {
    const own = present(state.endpoints[endpoint], "the endpoint's state");
    const phase = own.breaker.phase;
    own.limit = limit;
    breakerRefits(own.breaker, deployment.breaker, state.now);
    healthRefits(core, endpoint);
    noteBreaker(core, endpoint, own, phase);
  }
}

/** What has been found out, as far as the rule allows it. */
function limitUnder(core: Core, { id, adaptiveLimit, concurrencyMax }: DeploymentSpec): number {
  const { adaptiveLimits } = core.state;
  if (adaptiveLimit === null) {
    adaptiveLimits[id] = null;
    return concurrencyMax;
  }
  const within = (limit: number): number => Math.max(adaptiveLimit.min, Math.min(concurrencyMax, limit));
  const found = adaptiveLimits[id] ?? newAdaptiveLimit(adaptiveLimit);
  adaptiveLimits[id] = found;
  found.limit = within(found.limit);
  found.limitBefore = within(found.limitBefore);
  return found.limit;
}
