import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { EndpointId } from "../../router/core/messages.ts";
import { suggestion } from "../../router/config/nearest.ts";
import type { Fault } from "../../router/config/scalars.ts";

/** Whom the text of a `target` means. `line`: only the way to the endpoints, so that only faults of the network make sense. */
export type TargetMeant =
  | { readonly kind: "endpoints"; readonly endpoints: readonly EndpointId[]; readonly line: boolean }
  | { readonly kind: "store"; readonly replica: number | null }
  | { readonly kind: "replica"; readonly replica: number };

export interface TargetWorld {
  readonly config: CompiledConfig;
  /** Replicas of the router. */
  readonly replicas: number;
}

/** A deployment's own name wins over the other readings, since names may hold colons and slashes. */
export function targetMeant(target: string, world: TargetWorld): TargetMeant | Fault {
  const { config } = world;
  const all = config.endpoints.map(({ id }) => id);
  if (!config.deployments.some(({ name }) => name === target)) {
    if (target === "network") return { kind: "endpoints", endpoints: all, line: true };
    if (target === "store") return { kind: "store", replica: null };
    const [, what, rest = ""] = /^(zone|provider|network|store|replica):(.*)$/.exec(target) ?? [];
    if (what === "zone") return ofName("zone", rest, config, ({ zone }) => zone);
    if (what === "provider") return ofName("provider", rest, config, ({ deployment }) => config.deployments[deployment]?.provider ?? "");
    if (what === "store" || what === "replica") return replicaMeant(what, rest, world.replicas);
    if (what === "network") {
      const meant = endpointsNamed(rest, config);
      return "message" in meant ? meant : { kind: "endpoints", endpoints: meant.endpoints, line: true };
    }
  }
  const meant = endpointsNamed(target, config);
  return "message" in meant ? meant : { kind: "endpoints", endpoints: meant.endpoints, line: false };
}

function ofName(what: string, name: string, config: CompiledConfig, nameOf: (endpoint: CompiledConfig["endpoints"][number]) => string): TargetMeant | Fault {
  const endpoints = config.endpoints.filter((endpoint) => nameOf(endpoint) === name).map(({ id }) => id);
  if (endpoints.length > 0) return { kind: "endpoints", endpoints, line: false };
  const known = [...new Set(config.endpoints.map(nameOf))].filter((one) => one !== "");
  return { message: `no endpoint is of the ${what} "${name}"`, fix: suggestion(name, known) };
}

function replicaMeant(kind: "store" | "replica", text: string, replicas: number): TargetMeant | Fault {
  const replica = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  if (replica >= 0 && replica < replicas) return { kind, replica };
  return { message: `there is no replica "${text}" of the router: it has ${replicas}, counted from 0`, fix: `write ${kind}:0, or set replicas: to more` };
}

/** A deployment's name, or that and the number of a replica. */
export function endpointsNamed(target: string, config: CompiledConfig): { readonly endpoints: readonly EndpointId[] } | Fault {
  const match = /^(.*?)(?:\/(\d+))?$/.exec(target);
  const name = match?.[1] ?? "";
  const deployment = config.deployments.find((candidate) => candidate.name === target) ?? config.deployments.find((candidate) => candidate.name === name);
  if (deployment === undefined) {
    const known = config.deployments.map((one) => one.name);
    return { message: `there is no deployment "${name}"`, fix: suggestion(name, known) };
  }
  const replica = deployment.name === target ? null : Number(match?.[2]);
  const endpoints = replica === null ? deployment.endpoints : deployment.endpoints.slice(replica, replica + 1);
  if (endpoints.length > 0) return { endpoints };
  const { length } = deployment.endpoints;
  return {
    message: `"${name}" has no replica ${replica ?? ""}: it has ${length}, counted from 0`,
    fix: `write ${name}/0${length > 1 ? ` to ${name}/${length - 1}` : ""}, or ${name} for all`,
  };
}
