import { expect, test } from "vitest";
import { providerProfiles } from "../../../../simulator/scenario/provider-profile.ts";

const profiles = providerProfiles();

test("every figure of every hosted profile has its source, and the figures are possible ones", () => {
  expect(new Set(profiles.map(({ name }) => name)).size).toBe(profiles.length);
  for (const { name, sources, price, quota, firstTokenMs, perTokenMs, contextTokens, batch } of profiles) {
    const wanted = [
      "contextTokens",
      "firstTokenMs",
      "perTokenMs",
      ...(price === null ? [] : ["price"]),
      ...(quota === null ? [] : ["quota"]),
      ...(batch === undefined ? [] : ["batch"]),
    ];
    expect(Object.keys(sources).toSorted(), name).toEqual(wanted.toSorted());
    expect(firstTokenMs.p95, name).toBeGreaterThanOrEqual(firstTokenMs.p50);
    expect(perTokenMs.p95, name).toBeGreaterThanOrEqual(perTokenMs.p50);
    if (batch !== undefined) expect(Math.min(batch.firstTokenFactor, batch.perTokenFactor), name).toBeGreaterThanOrEqual(1);
    expect(contextTokens).toBeGreaterThan(1000);
  }
});

test("the four providers are there, and the figures of the guide's table", () => {
  expect(new Set(profiles.map(({ name }) => name.split("/")[0]))).toEqual(new Set(["anthropic", "azure", "openai", "vertex"]));
  const guide = Object.fromEntries(profiles.map(({ name, firstTokenMs: { p50, p95 }, contextTokens }) => [name, [p50, p95, contextTokens]]));
  expect(guide).toMatchObject({
    "vertex/gemini-flash": [800, 1200, 1_000_000],
    "vertex/gemini-pro": [1500, 2200, 1_000_000],
    "anthropic/claude-opus": [2500, 3500, 200_000],
  });
});
