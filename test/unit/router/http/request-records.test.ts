import { describe, expect, test } from "vitest";
import type { DeploymentId, EndpointId, RouteId, TenantId } from "../../../../router/core/messages.ts";
import { IssuedIds } from "../../../../router/http/issued-ids.ts";
import { RequestRecords } from "../../../../router/http/request-records.ts";
import type { RequestFacts } from "../../../../router/http/request-told.ts";
import type { EndedRequest } from "../../../../router/telemetry/router-metrics.ts";
import { fixtureConfig } from "../../../support/router-fixture.ts";

const [route] = fixtureConfig({ deployments: [{}] }).routes;
if (route === undefined) throw new Error("the fixture has a route");
const usage = { input: 10, cachedRead: 4, cacheWrite: 1, output: 5, reasoning: 2 };
const ended: EndedRequest = {
  route: route.id,
  tenant: 3 as TenantId,
  user: null,
  endpoint: 7 as EndpointId,
  result: { kind: "served" },
  account: { nanoDollars: 12_345, usage, estimated: true, priced: false, attempts: 1 },
  deploymentsTried: 1,
  durationMs: 12.5,
  ttftMs: Number.NaN,
};
const facts = (name: string): RequestFacts => ({
  name,
  route,
  strategy: route.strategy,
  stream: true,
  attemptsEnded: [{ endpoint: 7 as EndpointId, outcome: "succeeded", status: 0 }],
  dropped: [],
});

describe("records of requests", () => {
  test("what goes in comes out, of the usual request and of any other; never another tenant's", () => {
    const records = new RequestRecords();
    const failed: EndedRequest = { ...ended, endpoint: null, result: { kind: "failed", failure: "server-error", retryAfter: null }, deploymentsTried: 2 };
    const dropped: RequestFacts = { ...facts("dropped"), dropped: ["top_k"], strategy: "round-robin" };
    records.add(facts("served"), ended);
    records.add(facts("failed"), failed);
    records.add(dropped, ended);
    expect(records.find("served", 3 as TenantId)).toEqual({ facts: facts("served"), ended });
    expect(records.find("failed", 3 as TenantId)).toEqual({ facts: facts("failed"), ended: failed });
    expect(records.find("dropped", 3 as TenantId)).toEqual({ facts: dropped, ended });
    for (const name of ["served", "failed", "dropped", "unknown"]) expect(records.find(name, 4 as TenantId)).toBeNull();
  });

  test("the oldest are forgotten, whatever they were", () => {
    const records = new RequestRecords(3);
    for (let place = 0; place < 8; place += 1) records.add(facts(`r${place}`), place % 2 === 0 ? ended : { ...ended, endpoint: null });
    const found = Array.from({ length: 8 }, (_, place) => records.find(`r${place}`, 3 as TenantId)?.ended.endpoint);
    expect(found).toEqual([undefined, undefined, undefined, undefined, undefined, null, 7, null]);
  });
});

describe("ids that providers have issued", () => {
  const issuer = (endpoint: number, tenant = 0) => ({
    deployment: 0 as DeploymentId,
    endpoint: endpoint as EndpointId,
    route: 0 as RouteId,
    tenant: tenant as TenantId,
  });

  test("the oldest are forgotten first; one that is noted again is young again", () => {
    const ids = new IssuedIds(3);
    ids.note(["one", "two"], issuer(0));
    ids.note(["one"], issuer(1));
    ids.note(["three", "four"], issuer(2));
    expect(["one", "two", "three", "four"].map((id) => ids.find(id)?.endpoint)).toEqual([1, undefined, 2, 2]);
    ids.note(["five", "six"], issuer(3));
    expect(["one", "three", "four", "five", "six"].map((id) => ids.find(id)?.endpoint)).toEqual([undefined, undefined, 2, 3, 3]);
  });

  test("one stays the tenant's that had it first", () => {
    const ids = new IssuedIds();
    ids.note(["one"], issuer(0, 1));
    ids.note(["one"], issuer(0, 2));
    expect(ids.find("one")?.tenant).toBe(1);
  });
});
