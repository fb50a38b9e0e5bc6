import { describe, expect, test } from "vitest";
import { parseYaml, plainValue } from "../../../../../router/config/yaml-source.ts";
import { compileConfigAt } from "../../../../../router/config/load-config.ts";
import type { CompiledConfig } from "../../../../../router/core/compiled-config.ts";
import { alignConfig } from "../../../../../router/core/rollout/align-config.ts";

const deployments = {
  a: "a: { provider: vllm, model: m, endpoints: [http://a:1, http://a:2], tags: [x], region: eu, price: { input: 1, output: 2 } }",
  b: "b: { provider: vllm, model: m, endpoints: [http://b:1], tags: [y, x], region: us }",
  c: "c: { provider: vllm, model: m, endpoints: [http://c:1] }",
};
const routes = {
  one: "one: { deployments: [a, b], fallbacks: { general: [two] } }",
  two: "two: { deployments: [b] }",
};
const limits = ["{ tenant: t2, requestsPerMinute: 5 }", "{ route: two, tokensPerMinute: 9 }", "{ deployment: b, concurrency: 3 }"];

function compile(names: readonly (keyof typeof deployments)[], routeNames: readonly (keyof typeof routes)[], limitTexts = limits): CompiledConfig {
  const text = [
    "deployments:",
    ...names.map((name) => `  ${deployments[name]}`),
    "routes:",
    ...routeNames.map((name) => `  ${routes[name]}`),
    "tenants: { t1: { keys: [{ env: A }] }, t2: { keys: [{ env: B }] } }",
    `limits: [${limitTexts.join(", ")}]`,
  ].join("\n");
  const source = parseYaml("test.yaml", text);
  return compileConfigAt({ source, base: [] }, plainValue(source), null).compiled;
}

const base = compile(["a", "b"], ["one", "two"]);
/** Everything but the order of the lists that only name. */
const shape = ({ version: _version, ...config }: CompiledConfig): unknown => config;

describe("a configuration in the ids of another", () => {
  test("the same one written in another order is the same", () => {
    const other = compile(["b", "a"], ["two", "one"], limits.toReversed());
    expect(shape(alignConfig(other, [base]).config)).toEqual(shape(base));
  });

  test("with nothing live it is what it was", () => {
    expect(alignConfig(base, []).config).toEqual(base);
  });

  test("what is new comes behind, what is gone keeps its place and gets nothing", () => {
    const { config } = alignConfig(compile(["c", "b"], ["two"], []), [base]);
    expect(config.deployments.map(({ name, gone }) => [name, gone === true])).toEqual([
      ["a", true],
      ["b", false],
      ["c", false],
    ]);
    expect(config.deployments[0]?.endpoints).toEqual([]);
    expect(config.endpoints.map(({ identity, gone }) => [identity.split(" ")[0], gone === true])).toEqual([
      ["http://a:1", true],
      ["http://a:2", true],
      ["http://b:1", false],
      ["http://c:1", false],
    ]);
    expect(config.routes.map(({ name, gone, deployments: of }) => [name, gone === true, of])).toEqual([
      ["one", true, []],
      ["two", false, [1]],
    ]);
    expect(config.limits.every(({ gone }) => gone === true)).toBe(true);
    for (const list of [config.routes, config.deployments, config.endpoints, config.limits, config.tenants])
      list.forEach(({ id }, place) => expect(id).toBe(place));
  });

  test("a place that no live version uses is used again", () => {
    const second = alignConfig(compile(["b"], ["two"], []), [base]).config;
    const third = alignConfig(compile(["c", "b"], ["two"], []), [second]).config;
    expect(third.deployments.map(({ name }) => name)).toEqual(["c", "b"]);
    expect(third.endpoints[0]?.identity).toContain("http://c:1");
  });
});
