import { expect, test } from "vitest";
import type { RouteSpec } from "../../../../router/core/compiled-config.ts";
import { RouteNames } from "../../../../router/core/route-names.ts";
import { fixtureConfig } from "../../../support/router-fixture.ts";

const [template] = fixtureConfig({ deployments: [{}] }).routes;

function namesOf(routes: Readonly<Record<string, readonly string[]>>): (name: string) => string | null {
  const specs = Object.entries(routes).map(([name, aliases]) => ({ ...template, name, aliases }) as RouteSpec);
  const names = new RouteNames(specs);
  return (name) => names.get(name)?.name ?? null;
}

test("a route is reached by its name and by its aliases, and by nothing else", () => {
  const routeOf = namesOf({ chat: ["gpt-4o", "default"], other: [] });
  expect(["chat", "gpt-4o", "default", "other"].map(routeOf)).toEqual(["chat", "chat", "chat", "other"]);
  expect(["gpt-4", "gpt-4o-mini", "", "*"].map(routeOf)).toEqual([null, null, null, null]);
});

test("a whole name comes before a pattern, a longer pattern before a shorter, the first of equals before the others", () => {
  const routeOf = namesOf({ any: ["*"], gpt: ["gpt-*"], mini: ["gpt-*-mini"], dated: ["gpt-4o-2024-*", "gpt-9"], late: ["*-mini-gpt"] });
  expect(["x", "gpt-5", "gpt-5-mini", "gpt-4o-2024-08-06", "gpt-9", "gpt-4o-mini-gpt"].map(routeOf)).toEqual(["any", "gpt", "mini", "dated", "dated", "late"]);
});

test("a star stands for any run of characters, and no character is used twice", () => {
  const routeOf = namesOf({ a: ["ab*ba"], b: ["x*y*y*z"] });
  expect(["abba", "ab--ba", "aba", "xyyz", "x-y-y-z", "xyz", "xyy"].map(routeOf)).toEqual(["a", "a", null, "b", "b", null, null]);
});
