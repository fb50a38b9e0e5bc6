import { expect, test } from "vitest";
import { fuzzAnswers, fuzzRequests } from "../support/fuzz/fuzz-run.ts";

const plan = { count: 300, seed: Number(process.env["HEADGATE_PROPERTY_SEED"] ?? 1), atOnce: 32 };

test("fuzzed requests: no crash, no hang, every refusal in a dialect (npm run fuzz has the long form)", async () => {
  const { problems, played } = await fuzzRequests(plan);
  expect(problems).toEqual([]);
  expect(played).toBe(plan.count);
});

test("fuzzed answers of a provider: no crash, no hang, nothing broken passed off as whole", async () => {
  const { problems, statuses } = await fuzzAnswers(plan);
  expect(problems).toEqual([]);
  expect(statuses.get(200)).toBeGreaterThan(50);
});
