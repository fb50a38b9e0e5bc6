import { describe, expect, test } from "vitest";
import { type DeploymentId, type EndpointId, type Explanation, unknownName } from "../../../../router/core/messages.ts";
import { Router } from "../../../../router/core/router.ts";
import { type FixtureDeployment, fixtureConfig, fixtureRequest, only, RouterHarness } from "../../../support/router-fixture.ts";
import { Recorder } from "../../../support/recorder.ts";
import type { RouteRequest, RouterCommand } from "../../../../router/core/messages.ts";
import { startOfTime } from "../../../../router/core/time.ts";

const [defaultTag, red, blue] = [0, 1, 2];
const [here, there] = [0, 1];
const startedAt = (commands: readonly RouterCommand[]): readonly number[] => only(commands, "start-attempt").map(({ endpoint }) => endpoint);

function explained(deployments: readonly FixtureDeployment[], request: Partial<RouteRequest>): Explanation & { readonly result: string } {
  const router = new Router(fixtureConfig({ deployments }), { seed: 1, explain: true });
  const recorder = new Recorder<RouterCommand>();
  router.handle({ kind: "request-arrived", request: fixtureRequest(0, 0, request) }, startOfTime, recorder);
  const commands = recorder.take().map(({ command }) => command);
  const explanation = only(commands, "record-decision")[0]?.explanation;
  if (explanation === undefined) throw new Error("no explanation");
  const finish = only(commands, "finish-request")[0]?.result;
  return { ...explanation, result: finish === undefined ? "started" : finish.kind === "rejected" ? finish.why : finish.kind };
}

describe("tags", () => {
  const deployments = [{}, { tags: [red] }, { tags: [red, blue] }, { tags: [defaultTag, blue] }];

  test.each([
    ["none: the untagged and the default ones", { tags: [] }, [0, 3]],
    ["one", { tags: [red] }, [1, 2]],
    ["any of two", { tags: [red, blue] }, [1, 2, 3]],
    ["all of two", { tags: [red, blue], tagMatch: "all" }, [2]],
    ["one that no deployment has: the default ones", { tags: [unknownName] }, [3]],
  ] as const)("%s", (_what, request, candidates) => {
    const { candidates: found, excluded } = explained(deployments, request);
    expect(found).toEqual(candidates);
    expect(excluded.every(({ why }) => why === "tags")).toBe(true);
  });

  test("without a default nobody takes what nobody is tagged for", () => {
    expect(explained([{}, { tags: [red] }], { tags: [unknownName] })).toMatchObject({ candidates: [], result: "tags-unmet" });
  });

  test("the default ones stay out while those with the tag are only broken", () => {
    const router = new RouterHarness({ deployments: [{ tags: [red] }, { tags: [defaultTag] }], breaker: { failures: 1 }, retry: { attemptsMax: 1 } });
    router.arrive(0, { tags: [red] });
    router.fail(0);
    expect(only(router.arrive(1, { tags: [red] }), "start-attempt")).toEqual([]);
  });
});

test("tags and residency are told of only where nothing else is in the way: a prompt that is too long where it may be answered comes first, and what may pass is waited for", () => {
  const small = { region: there, contextTokens: 10 };
  expect(explained([{ region: here }, small], { residency: there, inputTokens: 100 })).toMatchObject({ result: "too-long" });
  expect(explained([{ region: here }, { region: there, tags: [red] }], { residency: there })).toMatchObject({ result: "tags-unmet" });
  const barred = { barred: [0 as DeploymentId] };
  expect(explained([{}, { region: here }], { ...barred, residency: there })).toMatchObject({ result: "residency-unmet" });
  expect(explained([{}], barred)).toMatchObject({ result: "no-candidate" });
  const broken = new RouterHarness({ deployments: [{ region: here }, { region: there }], breaker: { failures: 1 }, retry: { attemptsMax: 1 } });
  broken.arrive(0, { residency: there });
  broken.fail(0);
  expect(only(broken.arrive(1, { residency: there }), "finish-request")[0]?.result).toMatchObject({ kind: "rejected", why: "no-candidate" });
});

describe("regions", () => {
  const deployments = [{ region: here }, { region: there }, {}];

  test("a preferred region is preferred", () => {
    expect(explained(deployments, { region: there })).toMatchObject({
      candidates: [1],
      excluded: [
        { endpoint: 0, why: "other-region" },
        { endpoint: 2, why: "other-region" },
      ],
    });
  });

  test("and given up where nothing in it is eligible", () => {
    const router = new RouterHarness({ deployments, breaker: { failures: 1 }, retry: { attemptsMax: 2 } });
    router.arrive(0, { region: there });
    expect(only(router.fail(0), "start-attempt")[0]?.endpoint).not.toBe(1);
    expect(only(router.arrive(1, { region: there }), "start-attempt")[0]?.endpoint).not.toBe(1);
  });
});

describe("what is kept at one endpoint", () => {
  const request = { only: 1 as EndpointId };

  test("is asked of it alone", () => {
    const { candidates, excluded } = explained([{ endpoints: 3 }, {}], request);
    expect([candidates, new Set(excluded.map(({ why }) => why))]).toEqual([[1], new Set(["barred"])]);
  });

  test("also when it is broken, at a retry, and by the floor of the pool", () => {
    const router = new RouterHarness({ deployments: [{ endpoints: 2 }], breaker: { failures: 1 }, retry: { attemptsMax: 3 }, route: { floorPercent: 100 } });
    expect(startedAt(router.arrive(0, request))).toEqual([1]);
    expect([...startedAt(router.fail(0)), ...startedAt(router.at(20).wake())].every((endpoint) => endpoint === 1)).toBe(true);
    expect(router.invariants.violations).toEqual([]);
  });
});

describe("residency", () => {
  test("only there, and an endpoint of unknown region does not do", () => {
    expect(explained([{ region: here }, { region: there }, {}], { residency: there })).toMatchObject({ candidates: [1] });
    expect(explained([{ region: here }, {}], { residency: there })).toMatchObject({ candidates: [], result: "residency-unmet" });
    expect(explained([{ region: here }, {}], { residency: unknownName })).toMatchObject({ candidates: [], result: "residency-unmet" });
  });

  test("is never relaxed: not by a preferred region, unmatched tags, a full or broken endpoint, or a retry", () => {
    const deployments = [
      { region: there, concurrencyMax: 1, tags: [defaultTag] },
      { region: here, endpoints: 3, tags: [defaultTag] },
    ];
    const router = new RouterHarness({ deployments, breaker: { failures: 1 }, retry: { attemptsMax: 3 } });
    const request = { residency: there, region: here, tags: [unknownName] };
    expect(only(router.arrive(0, request), "start-attempt")[0]?.endpoint).toBe(0);
    expect(router.arrive(1, request)).toEqual([]);
    const after = router.fail(0);
    expect(only(after, "start-attempt")).toEqual([]);
    expect(only(router.at(120).wake(), "start-attempt")).toEqual([]);
    expect(router.invariants.finished()).toEqual([]);
  });
});

test("an explanation has a score per candidate, what it measures, and a reason per other", () => {
  const { candidates, scores, measure, excluded } = explained([{ endpoints: 2 }, { contextTokens: 50 }], {});
  expect({ candidates, scores, measure, excluded }).toEqual({
    candidates: [0, 1],
    scores: [0, 0],
    measure: "attempts in flight",
    excluded: [{ endpoint: 2, why: "context-too-small" }],
  });
});

test("what waits for a tag or a region lets others pass in the queue", () => {
  const router = new RouterHarness({ deployments: [{ tags: [red], concurrencyMax: 1 }, { concurrencyMax: 1 }] });
  router.arrive(0, { tags: [red] });
  router.arrive(1);
  expect(router.arrive(2, { tags: [red] })).toEqual([]);
  expect(router.arrive(3)).toEqual([]);
  const started = only(router.succeed(1), "start-attempt");
  expect(started.map(({ request, endpoint }) => [request, endpoint])).toEqual([[3, 1]]);
});
