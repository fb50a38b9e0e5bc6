import { describe, expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";

const probed = (more = "", timeout = "5s"): string => `, probe: { every: 100ms, timeout: ${timeout}, healthyAfter: 2, unhealthyAfter: 3${more} }`;
const ask = { model: "chat", messages: [{ role: "user" as const, content: "hello" }] };

describe("active probes", () => {
  test("an endpoint whose probes fail gets no requests, before one has paid for finding out, and is used again when they are well", async () => {
    const lines: string[] = [];
    const live = await startLive({ upstreams: 2, deployment: probed(), onLog: (line) => lines.push(line) });
    const [one, two] = live.upstreams;
    if (one === undefined || two === undefined) throw new Error("two were started");
    one.health = 503;
    await until(async () => (await live.scrape()).includes(`router_endpoint_healthy{provider="vllm",deployment="one",endpoint="${one.origin}"} 0`), 8000);
    for (let request = 0; request < 5; request += 1) await live.client.chat.completions.create(ask);
    expect([one.seen.length, two.seen.length]).toEqual([0, 5]);
    const decision = lines.map((line) => JSON.parse(line) as { msg: string }).findLast(({ msg }) => msg === "route_decision");
    expect(decision).toMatchObject({ excluded: [{ endpoint: one.origin, why: "unhealthy" }] });
    expect(lines.some((line) => line.includes("endpoint_unhealthy") && line.includes("it answered 503"))).toBe(true);
    one.health = 200;
    await until(() => lines.some((line) => line.includes("endpoint_healthy")), 8000);
    await live.client.chat.completions.create(ask);
    expect(one.seen).toHaveLength(1);
    const metrics = await live.scrape();
    expect(metrics).toMatch(/router_probes_total\{provider="vllm",deployment="one",endpoint="[^"]+",outcome="unhealthy"\} [3-9]/);
    expect(metrics).toMatch(/router_probes_total\{provider="vllm",deployment="two",endpoint="[^"]+",outcome="healthy"\} \d/);
  });

  test("one that does not answer its probes in time is taken out too", async () => {
    const live = await startLive({ upstreams: 2, deployment: probed("", "400ms") });
    const [one] = live.upstreams;
    if (one === undefined) throw new Error("two were started");
    one.health = null;
    await until(async () => /router_endpoint_healthy\{[^}]*deployment="one"[^}]*\} 0/.test(await live.scrape()), 8000);
    await live.client.chat.completions.create(ask);
    expect(one.seen).toHaveLength(0);
    expect(one.probes).toBeGreaterThanOrEqual(3);
  });

  test("where the only endpoint is asked for a page that it does not have, it is used all the same", async () => {
    const live = await startLive({ deployment: probed() });
    const [one] = live.upstreams;
    if (one === undefined) throw new Error("one was started");
    one.health = 404;
    await until(async () => /router_endpoint_healthy\{[^}]*deployment="one"[^}]*\} 0/.test(await live.scrape()), 8000);
    await live.client.chat.completions.create(ask);
    expect(one.seen).toHaveLength(1);
  });

  test("a hosted provider is not asked, but where a path is given, and then with its own key", async () => {
    const live = await startLive({ upstreams: 2, providers: ["openai", "vllm"], deployment: probed() });
    await until(() => (live.upstreams[1]?.probes ?? 0) >= 3, 8000);
    expect(live.upstreams[0]?.seen).toEqual([]);
    const named = await startLive({ providers: ["openai"], deployment: probed(", path: /v1/models") });
    await until(() => (named.upstreams[0]?.seen.length ?? 0) >= 2, 8000);
    expect(named.upstreams[0]?.seen[0]).toMatchObject({ method: "GET", path: "/v1/models", headers: { authorization: "Bearer sk-upstream" } });
  });

  test("a server that has come back by its probes is tried at once, long before its breaker's open time", async () => {
    const live = await startLive({
      deployment: `${probed()}, breaker: { failures: 1, open: 60s }`,
      route: "    queue: { wait: 0s }\n    retry: { attempts: 1 }",
    });
    const [one] = live.upstreams;
    if (one === undefined) throw new Error("one was started");
    one.health = 503;
    await until(async () => /router_endpoint_healthy\{[^}]*\} 0/.test(await live.scrape()), 8000);
    one.next((response) => response.writeHead(500).end());
    await expect(live.client.chat.completions.create(ask)).rejects.toMatchObject({ status: 502 });
    await expect(live.client.chat.completions.create(ask)).rejects.toMatchObject({ status: 503 });
    one.health = 200;
    await until(async () => /router_breaker_state\{[^}]*\} 1/.test(await live.scrape()), 8000);
    expect((await live.client.chat.completions.create(ask)).choices[0]?.message.content).toBe("hello");
    expect(one.seen).toHaveLength(2);
  });
});
