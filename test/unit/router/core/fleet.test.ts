import { describe, expect, test } from "vitest";
import type { EndpointSpec } from "../../../../router/core/compiled-config.ts";
import type { DeploymentId, EndpointId } from "../../../../router/core/messages.ts";
import { only, RouterHarness } from "../../../support/router-fixture.ts";

function leave(harness: RouterHarness, ...left: number[]) {
  return harness.send({ kind: "fleet-changed", joined: [], left: left as EndpointId[] });
}
function join(harness: RouterHarness, spec: EndpointSpec) {
  return harness.send({ kind: "fleet-changed", joined: [spec], left: [] });
}
const newcomer = (id: number, origin: string): EndpointSpec => ({
  id: id as EndpointId,
  deployment: 0 as DeploymentId,
  identity: `${origin} model -`,
  origin,
  zone: "a",
});
const startedAt = (commands: ReturnType<RouterHarness["send"]>) => only(commands, "start-attempt").map(({ endpoint }) => endpoint);

describe("fleet-changed", () => {
  test("what leaves takes nothing new, what is under way ends, and then it is forgotten", () => {
    const harness = new RouterHarness({ deployments: [{ endpoints: 2 }] });
    const [busy = 0] = startedAt(harness.arrive(0));
    const other = 1 - busy;
    expect(leave(harness, busy)).toEqual([]);
    for (const id of [1, 2, 3]) expect(startedAt(harness.arrive(id))).toEqual([other]);
    const ended = harness.succeed(0);
    expect(only(ended, "finish-request").map(({ result }) => result.kind)).toEqual(["served"]);
    expect(only(ended, "forget-endpoint").map(({ endpoint }) => endpoint)).toEqual([busy]);
    for (const attempt of [1, 2, 3]) harness.succeed(attempt);
    expect(harness.invariants.finished()).toEqual([]);
  });

  test("an idle one is forgotten at once; with none left a request is rejected", () => {
    const harness = new RouterHarness({ deployments: [{ endpoints: 1 }] });
    expect(only(leave(harness, 0), "forget-endpoint")).toHaveLength(1);
    expect(only(harness.arrive(0), "finish-request")[0]?.result).toMatchObject({ kind: "rejected", why: "no-candidate" });
    expect(leave(harness, 0)).toEqual([]);
  });

  test("a newcomer takes a free slot, with a clean breaker, and serves who waits", () => {
    const harness = new RouterHarness({ deployments: [{ endpoints: 2, concurrencyMax: 1 }], breaker: { failures: 1 }, retry: { attemptsMax: 1 } });
    harness.arrive(0);
    harness.arrive(1);
    expect(startedAt(harness.arrive(2))).toEqual([]);
    const broken = 0;
    leave(harness, broken);
    const attempt = harness.router.snapshot().attempts.findIndex((slot) => slot?.endpoint === broken);
    expect(only(harness.fail(attempt), "forget-endpoint")).toHaveLength(1);
    expect(harness.router.snapshot().endpoints[broken]?.breaker.phase).toBe("closed");
    expect(startedAt(join(harness, newcomer(broken, "http://10.0.0.9:8000")))).toEqual([broken]);
    expect(startedAt(join(harness, newcomer(2, "http://10.0.0.10:8000")))).toEqual([]);
    expect(startedAt(harness.arrive(3))).toEqual([2]);
  });

  test("one that comes back before it was forgotten keeps its state", () => {
    const harness = new RouterHarness({ deployments: [{ endpoints: 1 }], breaker: { failures: 2 }, retry: { attemptsMax: 1 } });
    harness.arrive(0);
    harness.arrive(1);
    harness.fail(0);
    leave(harness, 0);
    const [spec] = harness.config.endpoints;
    if (spec !== undefined) join(harness, spec);
    expect(only(harness.fail(1), "breaker-changed").map(({ to }) => to)).toEqual(["open"]);
    expect(() => join(harness, newcomer(0, "http://10.0.0.9:8000"))).toThrow("in a slot that is in use");
  });
});
