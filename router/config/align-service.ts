import { present } from "../core/assert.ts";
import type { Alignment } from "../core/rollout/align-config.ts";
import type { ServiceSpec, UpstreamSpec } from "./service-spec.ts";

/** The service's part of a new version of the configuration, in the ids that its core's part has got. Upstreams of older versions stay where they are. */
export function alignService(spec: ServiceSpec, ids: Alignment, before: ServiceSpec): ServiceSpec {
  const endpoints: UpstreamSpec[] = [...before.endpoints];
  for (const [place, upstream] of spec.endpoints.entries())
    endpoints[at(ids.endpoints, place)] = { ...upstream, deployment: at(ids.deployments, upstream.deployment) };
  return {
    ...spec,
    endpoints,
    tenantOf: spec.tenantOf === null ? null : new Map([...spec.tenantOf].map(([digest, tenant]) => [digest, at(ids.tenants, tenant)])),
    periods: spec.periods.map((period) => ({ ...period, lease: at(ids.limits, period.lease) })),
    priceChanges: spec.priceChanges.map((change) => ({ ...change, deployment: at(ids.deployments, change.deployment) })),
  };
}

function at<Id>(ids: readonly Id[], place: number): Id {
  return present(ids[place], "an id of the new configuration");
}
