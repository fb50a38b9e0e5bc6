import type { FallbackSpec, RouteSpec } from "../core/compiled-config.ts";
import type { DeploymentId, RouteId } from "../core/messages.ts";
import { suggestion } from "./nearest.ts";
import type { ConfigFile } from "./schema.ts";
import type { FieldPath } from "./yaml-source.ts";

export type Report = (path: FieldPath, part: "key" | "value", message: string, fix: string) => void;
const causes = ["general", "contextWindow", "contentPolicy", "budget"] as const;

/** Names become routes. One that names a deployment gets a route of its own, over that deployment alone and otherwise as the route that falls back to it. */
export function compileFallbacks(
  file: ConfigFile,
  routes: readonly RouteSpec[],
  idOf: ReadonlyMap<string, DeploymentId>,
  report: Report,
): readonly RouteSpec[] {
  const made: RouteSpec[] = [];
  const own = routes.map((route): RouteSpec => {
    const written = file.routes[route.name]?.fallbacks;
    if (written === undefined) return route;
    const resolve = (name: string, path: FieldPath): RouteId | null => {
      const target = routes.find((other) => other.name === name);
      if (target === route) report(path, "value", `"${name}" is the route itself`, "remove it");
      if (target !== undefined) return target.id;
      const deployment = idOf.get(name);
      if (deployment !== undefined) return overOne(route, name, deployment);
      report(path, "value", `there is no route and no deployment "${name}"`, suggestion(name, [...routes.map((other) => other.name), ...idOf.keys()]));
      return null;
    };
    const list = (cause: (typeof causes)[number]): readonly RouteId[] =>
      written[cause].flatMap((name, index) => resolve(name, ["routes", route.name, "fallbacks", cause, index]) ?? []);
    const fallbacks: FallbackSpec = {
      general: list("general"),
      contextWindow: list("contextWindow"),
      contentPolicy: list("contentPolicy"),
      budget: list("budget"),
      hopsMax: written.hops,
    };
    return { ...route, fallbacks };
  });
  return [...own, ...made];

  function overOne(route: RouteSpec, name: string, deployment: DeploymentId): RouteId {
    const known = made.find((other) => other.name === `${route.name} > ${name}`);
    if (known !== undefined) return known.id;
    const id = (routes.length + made.length) as RouteId;
    made.push({ ...route, id, name: `${route.name} > ${name}`, deployments: [deployment], internal: true });
    return id;
  }
}
