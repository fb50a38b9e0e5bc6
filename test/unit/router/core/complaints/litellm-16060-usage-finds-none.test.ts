import * as fc from "fast-check";
import { expect, test } from "vitest";
import { only, RouterHarness } from "../../../../support/router-fixture.ts";

test("litellm#16060: usage-based routing found no deployment although some were free; here quotas order, and only limits refuse", () => {
  const quotas = fc.array(fc.record({ requestsPerMinute: fc.integer({ min: 1, max: 5 }), tokensPerMinute: fc.integer({ min: 1, max: 2_000 }) }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(quotas, fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 40 }), (deployments, tokens) => {
      const router = new RouterHarness({ strategy: "usage-based", deployments });
      tokens.forEach((inputTokens, id) => expect(only(router.arrive(id, { inputTokens }), "start-attempt")).toHaveLength(1));
    }),
  );
});

test("litellm#33033: a quota of N requests a minute is N, not N - 1: the last one of one deployment comes before the first beyond it of another", () => {
  const router = new RouterHarness({ strategy: "usage-based", deployments: [{ requestsPerMinute: 3 }, { requestsPerMinute: 1 }] });
  const went = Array.from({ length: 4 }, (_, id) => only(router.arrive(id), "start-attempt")[0]?.endpoint);
  expect(went.filter((endpoint) => endpoint === 0)).toHaveLength(3);
  expect(went.filter((endpoint) => endpoint === 1)).toHaveLength(1);
});
