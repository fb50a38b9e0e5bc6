import { expect, test } from "vitest";
import { startLive } from "../../support/live-service.ts";
import { until } from "../../support/loop-time.ts";

const ask = { model: "chat", messages: [{ role: "user" as const, content: "hello" }] };

test("vllm-project/production-stack#749: one backend that hangs holds up nobody: its probes find it out before a request does", async () => {
  const probe = ", probe: { every: 100ms, timeout: 400ms, unhealthyAfter: 2 }";
  const live = await startLive({ upstreams: 2, deployment: probe, route: "    strategy: round-robin\n    timeouts: { firstToken: 60s, total: 60s }" });
  const [dead, well] = live.upstreams;
  if (dead === undefined || well === undefined) throw new Error("two were started");
  dead.health = null;
  dead.otherwise = () => undefined;
  await until(async () => /router_endpoint_healthy\{[^}]*deployment="one"[^}]*\} 0/.test(await live.scrape()), 8000);
  const answers = await Promise.all(Array.from({ length: 20 }, async () => live.client.chat.completions.create(ask)));
  expect(answers).toHaveLength(20);
  expect([dead.seen.length, well.seen.length]).toEqual([0, 20]);
});
