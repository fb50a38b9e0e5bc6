import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import { InputError, type Problem } from "../../router/config/problem.ts";

/** A server to start, and the endpoints (by id) that it serves. Port 0: any that is free. */
export interface ServerPlace {
  readonly port: number;
  readonly endpoints: readonly number[];
}

/** Endpoints on one configured origin share a server; with ephemeral ports each has its own. */
export function fleetPlaces(config: CompiledConfig, ports: "configured" | "ephemeral", file: string): readonly ServerPlace[] {
  if (ports === "ephemeral") return config.endpoints.map((_, index) => ({ port: 0, endpoints: [index] }));
  const byPort = new Map<number, number[]>();
  const problems: Problem[] = [];
  for (const [index, { origin }] of config.endpoints.entries()) {
    const url = URL.canParse(origin) ? new URL(origin) : null;
    if (url === null || url.protocol !== "http:") {
      problems.push(originProblem(file, origin, "a mock speaks plain http"));
      continue;
    }
    const port = url.port === "" ? 80 : Number(url.port);
    const sharers = byPort.get(port) ?? [];
    const twin = sharers.find((other) => sharesModel(config, index, other));
    if (twin !== undefined) problems.push(originProblem(file, origin, "another endpoint has the same port and model"));
    byPort.set(port, [...sharers, index]);
  }
  if (problems.length > 0) throw new InputError(problems);
  return [...byPort].map(([port, endpoints]) => ({ port, endpoints }));
}

function sharesModel(config: CompiledConfig, one: number, other: number): boolean {
  const modelOf = (index: number): string | undefined => config.deployments[config.endpoints[index]?.deployment ?? -1]?.model;
  return modelOf(one) === modelOf(other);
}

function originProblem(file: string, origin: string, message: string): Problem {
  const fix = "give the endpoint an http:// origin with a port of its own, or use --ports ephemeral";
  return { file, line: null, column: null, field: origin, message, fix };
}
