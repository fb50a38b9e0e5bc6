import { isFields } from "../../router/core/fields.ts";

const firstInventedPort = 9501;

/**
 * The configuration with as many endpoints as the fleet has replicas. The rule: a configuration that lists its endpoints is served as it stands; in a scenario,
 * `fleet.<deployment>.replicas` says how many there are. Of those listed the first so many count, and what is missing is invented, at http://127.0.0.1 and ports
 * from 9501 on. A configuration whose endpoints are not listed at all can be simulated, and served only once they are.
 */
export function withFleetReplicas(config: unknown, fleet: unknown): unknown {
  if (!isFields(config) || !isFields(config["deployments"]) || !isFields(fleet)) return config;
  let port = firstInventedPort;
  const deployments: Record<string, unknown> = {};
  for (const [name, deployment] of Object.entries(config["deployments"])) {
    const entry = fleet[name];
    const replicas = isFields(entry) ? entry["replicas"] : undefined;
    deployments[name] = deployment;
    if (!isFields(deployment) || typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 1 || replicas > 10_000) continue;
    const listed: readonly unknown[] = Array.isArray(deployment["endpoints"]) ? deployment["endpoints"] : [];
    const invented = Array.from({ length: Math.max(0, replicas - listed.length) }, () => `http://127.0.0.1:${port++}`);
    deployments[name] = { ...deployment, endpoints: [...listed.slice(0, replicas), ...invented] };
  }
  return { ...config, deployments };
}
