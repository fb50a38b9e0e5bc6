import { expect, test } from "vitest";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

test("litellm#37622: least-busy sent 30 of 30 concurrent requests to the first of three; here each has ten", () => {
  const router = new RouterHarness({ strategy: "least-busy", deployments: [{}, {}, {}] });
  const went = Array.from({ length: 30 }, (_, id) => only(router.arrive(id), "start-attempt")[0]?.endpoint);
  expect([0, 1, 2].map((endpoint) => went.filter((one) => one === endpoint).length)).toEqual([10, 10, 10]);
});

test("litellm PR #38746: in sequence, when all are idle, the first has no more than its share", () => {
  const router = new RouterHarness({ strategy: "least-busy", deployments: [{}, {}, {}] });
  const counts = [0, 0, 0];
  for (let round = 0; round < 300; round += 1) {
    const start = only(router.arrive(0), "start-attempt")[0];
    if (start === undefined) throw new Error("no attempt");
    counts[start.endpoint] = (counts[start.endpoint] ?? 0) + 1;
    router.succeed(start.attempt);
  }
  for (const count of counts) expect(count).toBeGreaterThan(70);
});
