import { expect, test } from "vitest";
import type { Account, EndpointId, RouteId, TenantId } from "../../../../router/core/messages.ts";
import { type EndedRequest, RouterMetrics } from "../../../../router/telemetry/router-metrics.ts";
import { present } from "../../../../router/core/assert.ts";
import { fixtureConfig } from "../../../support/router-fixture.ts";

const account: Account = {
  nanoDollars: 1_500_000_000,
  usage: { input: 10, cachedRead: 0, cacheWrite: 0, output: 5, reasoning: 0 },
  estimated: false,
  priced: true,
  attempts: 2,
};
const ended: EndedRequest = {
  route: 0 as RouteId,
  tenant: 0 as TenantId,
  user: null,
  endpoint: 1 as EndpointId,
  result: { kind: "served" },
  account,
  deploymentsTried: 2,
  durationMs: 1200,
  ttftMs: 300,
};
const labels = 'route="chat",provider="vllm",deployment="deployment-1"';

async function lines(use: (metrics: RouterMetrics) => void): Promise<string[]> {
  const config = fixtureConfig({ deployments: [{ weight: 3 }, { weight: 1 }], strategy: "weighted" });
  const metrics = new RouterMetrics(config, () => ({ inFlight: 4, waiting: [2] }));
  use(metrics);
  return (await metrics.exposition()).split("\n").filter((line) => line.startsWith("router_") || line.startsWith("billing_"));
}

test("a served request: who served it, its cost in dollars and exactly, its tokens, the fallback", async () => {
  const found = await lines((metrics) => metrics.requestEnded(ended));
  expect(found).toContain(`router_requests_total{${labels},result="served"} 1`);
  expect(found).toContain('router_retries_total{route="chat"} 1');
  expect(found).toContain('router_fallback_total{route="chat"} 1');
  expect(found).toContain('router_fallback_success_total{route="chat"} 1');
  expect(found.some((line) => line.startsWith("billing_cost_total{") && line.endsWith(" 1.5"))).toBe(true);
  expect(found.some((line) => line.startsWith("billing_cost_nanodollars_total{") && line.endsWith(" 1500000000"))).toBe(true);
  expect(found.some((line) => line.startsWith("router_errors_total{"))).toBe(false);
});

test("errors: not the caller's mistakes, nor callers that left", async () => {
  const found = await lines((metrics) => {
    metrics.requestEnded({ ...ended, result: { kind: "failed", failure: "bad-request", retryAfter: null } });
    metrics.requestEnded({ ...ended, result: { kind: "client-left" } });
    metrics.requestEnded({ ...ended, endpoint: null, result: { kind: "rejected", why: "queue-full", retryAfter: null } });
    metrics.requestEnded({ ...ended, result: { kind: "cut", failure: "cut" } });
  });
  const errors = found.filter((line) => line.startsWith("router_errors_total{"));
  expect(errors).toEqual([
    'router_errors_total{route="chat",provider="none",deployment="none",kind="queue-full"} 1',
    `router_errors_total{${labels},kind="cut"} 1`,
  ]);
});

test("weights, load, breakers", async () => {
  const found = await lines((metrics) => {
    metrics.fleet.breakerChanged(0 as EndpointId, "open");
    metrics.fleet.breakerChanged(0 as EndpointId, "half-open");
  });
  expect(found).toContain('router_configured_weight{provider="vllm"} 1');
  expect(found).toContain('router_configured_deployment_weight{route="chat",provider="vllm",deployment="deployment-0"} 3');
  expect(found).toContain("router_requests_in_flight 4");
  expect(found).toContain('router_requests_waiting{route="chat"} 2');
  expect(found.some((line) => line.startsWith('router_breaker_state{provider="vllm",deployment="deployment-0"') && line.endsWith(" 1"))).toBe(true);
  expect(found.some((line) => line.startsWith("router_breaker_openings_total{") && line.endsWith(" 1"))).toBe(true);
});

test("weights are those of the routes that callers can ask for", async () => {
  const config = fixtureConfig({ deployments: [{ weight: 3 }, { weight: 1 }], strategy: "weighted" });
  const route = present(config.routes[0], "the route");
  const made = { ...route, id: 1 as RouteId, name: "chat > deployment-1", deployments: route.deployments.slice(1), internal: true };
  const gone = { ...route, id: 2 as RouteId, name: "old", gone: true as const };
  const metrics = new RouterMetrics({ ...config, routes: [route, made, gone] }, () => ({ inFlight: 0, waiting: [] }));
  const text = await metrics.exposition();
  expect(text).toContain('router_configured_weight{provider="vllm"} 1\n');
  expect(text).not.toMatch(/router_configured_deployment_weight\{route="(?:old|chat > )/);
});

test("an endpoint that is forgotten is told no more, unless another is known by the same names", async () => {
  const config = fixtureConfig({ deployments: [{ endpoints: 2 }] });
  const [one, two] = config.endpoints;
  const metrics = new RouterMetrics(config, () => ({ inFlight: 0, waiting: [] }));
  const next = { ...present(one, "the first endpoint"), identity: "the same place by another key", id: 2 as EndpointId };
  metrics.configure({ ...config, endpoints: [{ ...present(one, ""), gone: true }, { ...present(two, ""), gone: true }, next] });
  metrics.fleet.endpointForgotten(0 as EndpointId);
  metrics.fleet.endpointForgotten(1 as EndpointId);
  const told = (await metrics.exposition()).split("\n").filter((line) => /^router_(breaker_state|endpoint_healthy)\{/.test(line));
  expect(told).toHaveLength(2);
  for (const line of told) expect(line).toContain(`endpoint="${next.origin}"`);
});
