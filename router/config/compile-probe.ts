import type { ProbeSpec } from "../core/health/health-probe.ts";
import type { ConfigFile } from "./schema.ts";

type DeploymentFile = ConfigFile["deployments"][string];

/** Where a probe costs nothing, providers are asked without being told to: vLLM's health page is there for it. A hosted API has none, and is asked only where a path is given. */
const pathOf: Readonly<Partial<Record<DeploymentFile["provider"], string>>> = { vllm: "/health" };

export function compileProbe({ provider, probe }: DeploymentFile, refuse: (message: string, fix: string) => void): ProbeSpec | null {
  const path = probe.path ?? pathOf[provider];
  if (probe.enabled === true && path === undefined) refuse(`${provider} has no health page that is known`, "give its path, as /v1/models");
  if (probe.enabled === false || path === undefined) return null;
  const { every, timeout, healthyAfter, unhealthyAfter } = probe;
  return { path, every, timeout, healthyAfter, unhealthyAfter };
}
