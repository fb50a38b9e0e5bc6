import { describe, expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { wordStream } from "../support/scripted-upstream.ts";

const vllmText = (running: number, waiting: number, kvUsed: number, cacheName = "kv_cache_usage_perc"): string =>
  [
    "# HELP vllm:num_requests_running Number of requests in model execution batches.",
    "# TYPE vllm:num_requests_running gauge",
    `vllm:num_requests_running{engine="0",model_name="m"} ${running}.0`,
    `vllm:num_requests_running{engine="1",model_name="m"} 1.0`,
    `vllm:num_requests_waiting{engine="0",model_name="m"} ${waiting}.0`,
    `vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 99.0`,
    `vllm:${cacheName}{engine="0",model_name="m"} ${kvUsed}`,
    "",
  ].join("\n");

describe("what vLLM servers say of their load", () => {
  test("is asked for, under old names and new, and reaches the core with the instant of the question; one that says nothing gives no signal", async () => {
    const live = await startLive({ upstreams: 3, more: "signals: { every: 1s }", route: "    strategy: least-busy" });
    const [one, two, three] = live.upstreams;
    if (one === undefined || two === undefined || three === undefined) throw new Error("three upstreams");
    one.metrics = vllmText(40, 7, 0.83);
    two.metrics = vllmText(0, 0, 0.1, "gpu_cache_usage_perc");
    const signals = () =>
      live.recorded.flatMap((entry) => (entry.kind === "event" && entry.event.kind === "signal-observed" ? [{ at: entry.at, ...entry.event }] : []));
    await until(() => signals().some(({ endpoint }) => endpoint === 0) && signals().some(({ endpoint }) => endpoint === 1) && three.scrapes > 0, 4000);
    expect(signals().find(({ endpoint }) => endpoint === 0)?.signals).toEqual({ running: 41, waiting: 7, kvUsed: 0.83 });
    expect(signals().find(({ endpoint }) => endpoint === 1)?.signals).toEqual({ running: 1, waiting: 0, kvUsed: 0.1 });
    for (const { sampledAt, at } of signals()) expect(sampledAt).toBeLessThanOrEqual(at);
    expect(signals().some(({ endpoint }) => endpoint === 2)).toBe(false);
    const text = await live.scrape();
    expect(text).toMatch(/router_load_signals_total [1-9]/);
    expect(text).toMatch(/router_load_signals_missed_total [1-9]/);
  });

  test("nobody asks where the configuration does not say so", async () => {
    const live = await startLive();
    await live.client.chat.completions.create({ model: "chat", messages: [] });
    expect(live.upstreams[0]?.scrapes).toBe(0);
  });
});

test("prefix affinity, live: the turns of a conversation go where its first one went, and conversations are spread", async () => {
  const live = await startLive({ upstreams: 2, route: "    strategy: prefix-affinity\n    affinity: { loadBoundPercent: 10000 }" });
  for (const upstream of live.upstreams) upstream.otherwise = wordStream(["yes"]);
  const placeOf = async (messages: { role: "system" | "user" | "assistant"; content: string }[]): Promise<string | null> => {
    const { data, response } = await live.client.chat.completions.create({ model: "chat", messages, stream: true }).withResponse();
    for await (const _chunk of data);
    return response.headers.get("x-headgate-deployment");
  };
  const homes = new Map<number, string | null>();
  const talks = Array.from({ length: 20 }, (_, talk) => [{ role: "user" as const, content: `talk ${talk}: ${`a question of number ${talk}. `.repeat(40)}` }]);
  for (const turn of [0, 1, 2]) {
    for (const [talk, messages] of talks.entries()) {
      const place = await placeOf(messages);
      if (turn === 0) homes.set(talk, place);
      else expect(place, `turn ${turn} of talk ${talk}`).toBe(homes.get(talk));
      messages.push({ role: "assistant", content: "yes" } as never, { role: "user", content: `and turn ${turn}?` });
    }
  }
  expect(new Set(homes.values()).size).toBe(2);
  const blocks = live.recorded.flatMap((entry) => (entry.kind === "event" && entry.event.kind === "request-arrived" ? [entry.event.request.blocks] : []));
  expect(blocks.every((ids) => ids !== null && ids.length >= 3)).toBe(true);
  // The third turn of the first talk begins with the blocks of its first one.
  expect([...(blocks[40] ?? [])].slice(0, 3)).toEqual([...(blocks[0] ?? [])].slice(0, 3));
});
