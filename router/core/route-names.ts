/**
 * By which model names callers reach a route: its own name, its aliases, and aliases with `*`, which stands for any run of characters (also none). A whole name comes
 * before a pattern; of several patterns that fit, the one with the most characters of its own wins, of equals the one that stands first in the configuration.
 */
import type { RouteSpec } from "./compiled-config.ts";

interface Pattern {
  readonly parts: readonly string[];
  readonly weight: number;
  readonly route: RouteSpec;
}

export class RouteNames {
  readonly all: readonly RouteSpec[];
  readonly #exact = new Map<string, RouteSpec>();
  /** The weightiest first. */
  readonly #patterns: readonly Pattern[];

  /** @param routes those that callers may name */
  constructor(routes: readonly RouteSpec[]) {
    this.all = routes;
    const patterns: Pattern[] = [];
    for (const route of routes) {
      this.#exact.set(route.name, route);
      for (const alias of route.aliases ?? []) {
        if (isPattern(alias)) patterns.push({ parts: alias.split("*"), weight: alias.replaceAll("*", "").length, route });
        else this.#exact.set(alias, route);
      }
    }
    this.#patterns = patterns.toSorted((one, other) => other.weight - one.weight);
  }

  get(name: string): RouteSpec | undefined {
    return this.#exact.get(name) ?? this.#patterns.find(({ parts }) => fits(name, parts))?.route;
  }

  /** Without the patterns: they are not names. */
  names(): readonly string[] {
    return [...this.#exact.keys()];
  }
}

const isPattern = (alias: string): boolean => alias.includes("*");

/** Each part is taken where it first occurs behind the one before; the first and the last are tied to the ends. */
function fits(name: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from);
    if (at === -1 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
