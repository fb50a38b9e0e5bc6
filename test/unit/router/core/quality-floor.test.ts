import { describe, expect, test } from "vitest";
import { noFallbacks } from "../../../../router/core/compiled-config.ts";
import type { DeploymentId, RouteId, RouterCommand } from "../../../../router/core/messages.ts";
import { only, RouterHarness } from "../../../support/router-fixture.ts";

const good = { quality: 0.9 };
const plain = { quality: 0.5, weight: 1000 };
const unknown = { weight: 1000 };
const started = (commands: readonly RouterCommand[]): number[] => only(commands, "start-attempt").map(({ endpoint }) => endpoint);
const why = (commands: readonly RouterCommand[]): unknown => only(commands, "finish-request")[0]?.result;

describe("a request's floor on quality", () => {
  test("leaves out what is below it, and what is not known", () => {
    const harness = new RouterHarness({ deployments: [good, plain, unknown], strategy: "weighted" });
    for (const place of [0, 1, 2, 3]) expect(started(harness.arrive(place, { qualityMin: 0.9 }))).toEqual([0]);
    expect(started(harness.arrive(4))).not.toEqual([0]);
    expect(harness.invariants.violations).toEqual([]);
  });

  test("none that good: told at once, as the caller's own doing; also where others are too small or too dear", () => {
    const harness = new RouterHarness({ deployments: [plain, { quality: 1, contextTokens: 10 }] });
    expect(why(harness.arrive(0, { qualityMin: 0.6, inputTokens: 100 }))).toMatchObject({ kind: "rejected", why: "too-plain" });
    expect(started(harness.arrive(1, { qualityMin: 0.5, inputTokens: 100 }))).toEqual([0]);
  });

  test("is not relaxed for a breaker that is open, a retry or a fallback", () => {
    const harness = new RouterHarness({
      deployments: [good, plain, { quality: 0.95 }],
      breaker: { failures: 1 },
      retry: { attemptsMax: 3, budgetPerMille: 10_000 },
      route: { deployments: [0 as DeploymentId, 1 as DeploymentId], fallbacks: { ...noFallbacks, hopsMax: 2, general: [1 as RouteId] } },
      moreRoutes: [{ deployments: [1 as DeploymentId, 2 as DeploymentId] }],
    });
    expect(started(harness.arrive(0, { qualityMin: 0.9 }))).toEqual([0]);
    expect([...started(harness.fail(0)), ...started(harness.at(20).wake())]).toEqual([2]);
    expect(harness.invariants.violations).toEqual([]);
  });
});
