import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDuration, parsePrice } from "../../../../router/config/scalars.ts";
import { parseEndpointUrl } from "../../../../router/config/endpoint-url.ts";
import { micros } from "../../../../router/core/time.ts";

const duration = (value: unknown) => parseDuration(value, micros(0));

test("durations are whole microseconds and need their unit", () => {
  const values = ["250ms", "1.5s", "2m", "1h", "7us", "0s", "0.000001s"].map(duration);
  expect(values).toEqual([250_000, 1_500_000, 120_000_000, 3_600_000_000, 7, 0, 1].map((value) => ({ value })));
  for (const wrong of ["10", "10 s", "-1s", "1d", "", "s", "1e3s", null, true, "8d", "169h"]) expect(duration(wrong)).toHaveProperty("fix");
  expect(duration(60)).toEqual({ message: "the duration 60 has no unit", fix: "write 60s or 60ms" });
  expect(parseDuration("1us", micros(1000))).toEqual({ message: "1us is too short", fix: "give at least 1ms" });
});

test("prices become whole pico-dollars per token, exactly", () => {
  const values = [0.05, "0.10", 3, "15", 0.000001, 1e-6, "2.500000000", 0.1 + 0.2].map(parsePrice);
  expect(values.slice(0, 7)).toEqual([50_000, 100_000, 3_000_000, 15_000_000, 1, 1, 2_500_000].map((value) => ({ value })));
  expect(values[7]).toMatchObject({ message: "the price 0.30000000000000004 has more than 6 decimals" });
  for (const wrong of [-1, "-0.1", 1e-7, "abc", NaN, Infinity, 10_001, null, {}, "1,5", ""]) expect(parsePrice(wrong)).toHaveProperty("fix");
});

test("any price of at most six decimals survives exactly", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_999_999_999 }), (picoDollars) => {
      const written = `${Math.floor(picoDollars / 1_000_000)}.${String(picoDollars % 1_000_000).padStart(6, "0")}`;
      expect(parsePrice(written)).toEqual({ value: picoDollars });
      expect(parsePrice(Number(written))).toEqual({ value: picoDollars });
    }),
  );
});

test("endpoints: origin and base path; a trailing /v1 is taken off", () => {
  const urls = ["http://h:1", "http://h:1/", "https://x.example/v1", "https://x.example/api/v1/", "https://X.example:443/api"].map(parseEndpointUrl);
  expect(urls.map((url) => ("value" in url ? [url.value.origin, url.value.basePath] : url))).toEqual([
    ["http://h:1", ""],
    ["http://h:1", ""],
    ["https://x.example", ""],
    ["https://x.example", "/api"],
    ["https://x.example", "/api"],
  ]);
  for (const wrong of ["h:1", "file:///x", "http://h?key=1", "http://h#x", 7, ""]) expect(parseEndpointUrl(wrong)).toHaveProperty("fix");
});
