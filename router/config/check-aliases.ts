import type { Report } from "./compile-fallbacks.ts";
import type { ConfigFile } from "./schema.ts";

/** A name leads to one route. */
export function checkAliases(routes: ConfigFile["routes"], report: Report): void {
  const taken = new Map(Object.keys(routes).map((name) => [name, name]));
  for (const [name, { aliases = [] }] of Object.entries(routes)) {
    for (const [index, alias] of aliases.entries()) {
      const holder = taken.get(alias);
      if (holder === undefined) taken.set(alias, name);
      else report(["routes", name, "aliases", index], "value", `"${alias}" leads to route "${holder}" already`, "remove one of the two");
    }
  }
}
