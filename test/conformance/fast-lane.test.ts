import { expect, test } from "vitest";
import { compareLanes } from "../support/fuzz/compare-lanes.ts";

test("with the fast lane or without it, handlers are told the same, and callers are told the same", async () => {
  const { served, problems } = await compareLanes(600, Number(process.env["HEADGATE_PROPERTY_SEED"] ?? 1));
  expect(problems).toEqual([]);
  expect(served).toBeGreaterThan(600);
});
