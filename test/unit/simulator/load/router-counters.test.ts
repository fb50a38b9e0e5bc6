import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { problemsOf } from "../../../support/problems-of.ts";
import { countersBetween, countersOf, openingsOf, readRouterCounters } from "../../../../simulator/load/router-counters.ts";

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

test("a page that is not a router's metrics is refused, since all of it would count as nothing", async () => {
  const server = createServer((request, response) => {
    const page = { "/metrics": exposition(500, 1), "/": "<html>welcome</html>" }[request.url ?? ""];
    response.writeHead(page === undefined ? 404 : 200).end(page);
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await readRouterCounters(`${origin}/metrics`)).toMatchObject({ nanoDollars: 2_000 });
  const messageOf = async (url: string) => (await problemsOf(async () => readRouterCounters(url)))[0]?.message;
  expect(await messageOf(`${origin}/`)).toBe("gives no metrics of a headgate router");
  expect(await messageOf(`${origin}/nix`)).toBe("gives no metrics (it answered 404)");
  expect(await messageOf("http://127.0.0.1:1/metrics")).toContain("gives no metrics (fetch failed");
});
