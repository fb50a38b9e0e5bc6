import { expect, test } from "vitest";
import { countersBetween, countersOf, openingsOf } from "../../../../simulator/load/router-counters.ts";

const exposition = (nano: number, openings: number): string => `# HELP billing_cost_nanodollars_total Cost
# TYPE billing_cost_nanodollars_total counter
billing_cost_nanodollars_total{route="chat",route_tier="",provider="vllm",deployment="a"} ${nano}
billing_cost_nanodollars_total{route="chat",route_tier="",provider="x\\"y, {z}",deployment="b"} 1.5e3
billing_cost_total{route="chat"} 12
router_retries_total{route="chat"} 3 1700000000000
router_breaker_openings_total{provider="vllm",deployment="a",endpoint="http://127.0.0.1:1"} ${openings}
router_breaker_openings_total{provider="vllm",deployment="a",endpoint="http://127.0.0.1:2"} 1
router_requests_total 9
`;

test("sums over labels, and the difference of two readings", () => {
  const run = countersBetween(countersOf(exposition(500, 1)), countersOf(exposition(2_500, 4)));
  expect(run).toMatchObject({ nanoDollars: 2_000, retries: 0, unpriced: 0 });
  expect(openingsOf(run)).toBe(3);
  expect(countersOf(exposition(500, 1))).toMatchObject({ nanoDollars: 2_000, retries: 3 });
  expect(countersOf("")).toMatchObject({ nanoDollars: 0, retries: 0 });
});
