import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { headgate } from "../support/headgate.ts";
import { startLive } from "../support/live-service.ts";
import { wordStream } from "../support/scripted-upstream.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const config = `deployments:
  gpu: { provider: vllm, model: m, endpoints: ["http://127.0.0.1:8000", "http://127.0.0.1:8001"], price: { input: 0.1, output: 0.3 }, context: 8192 }
  small: { provider: openai-compatible, model: s, endpoints: ["http://127.0.0.1:8002"], price: unknown, context: 100 }
routes:
  chat: { deployments: [gpu, small], strategy: cost-based }
`;
const request = JSON.stringify({ model: "chat", stream: true, max_tokens: 50, messages: [{ role: "user", content: "hello ".repeat(100) }] });

interface Explained {
  readonly path: readonly string[];
  readonly candidates: readonly { readonly endpoint: string; readonly expectedCostUsd: number; readonly expectedLatencyMs: number | null }[];
}

test("config explain: path, candidates with their scores, cost and latency, and why the others are out", () => {
  const folder = temporaryFolder({ "headgate.yaml": config, "request.json": request });
  const files = ["-c", path.join(folder, "headgate.yaml"), path.join(folder, "request.json")];
  const text = headgate(["config", "explain", ...files]);
  expect(text.status).toBe(0);
  expect(text.stdout).toMatch(/^route chat > strategy cost-based > deployment gpu > endpoint http:\/\/127\.0\.0\.1:800[01]\n/);
  expect(text.stdout).toContain("small http://127.0.0.1:8002  context-too-small");
  const asked = headgate(["config", "explain", "--json", ...files]);
  const { candidates } = JSON.parse(asked.stdout) as Explained;
  const inputTokens = Math.ceil(request.length / 4);
  expect(candidates).toHaveLength(2);
  for (const candidate of candidates) expect(candidate).toMatchObject({ expectedCostUsd: (inputTokens * 100 + 50 * 300) / 1e9, expectedLatencyMs: null });

  const bounded = headgate(["config", "explain", "--json", "-H", "x-headgate-strategy: round-robin", "-H", "x-headgate-cost-budget: 0.000001", ...files]);
  expect([bounded.status, (JSON.parse(bounded.stdout) as Explained).path]).toEqual([1, ["route chat", "strategy round-robin", "rejected: too-dear"]]);

  const nowhere = headgate(["config", "explain", "--json", "-H", "x-headgate-residency: mars", ...files]);
  expect(nowhere.status).toBe(1);
  expect((JSON.parse(nowhere.stdout) as Explained).path.at(-1)).toBe("rejected: residency-unmet");
  expect(headgate(["config", "explain", "-c", files[1] ?? "", path.join(folder, "headgate.yaml")]).status).toBe(2);
});

test("config explain --journal: as the service that wrote it had measured", async () => {
  const live = await startLive();
  for (const _turn of [1, 2, 3]) {
    live.upstreams[0]?.next(wordStream(["a", "b"], { gapMs: 5 }));
    for await (const _chunk of await live.client.chat.completions.create({ model: "chat", messages: [], stream: true }));
  }
  await live.running.stop(100);
  await live.journal.close();
  const folder = path.dirname(live.journalFolder);
  const segment = path.join(live.journalFolder, readdirSync(live.journalFolder)[0] ?? "");
  const asked = headgate([
    "config",
    "explain",
    "--json",
    "-c",
    path.join(folder, "headgate.yaml"),
    "--journal",
    segment,
    path.join(temporaryFolder({ "r.json": request }), "r.json"),
  ]);
  const { candidates } = JSON.parse(asked.stdout) as Explained;
  expect(candidates[0]?.expectedLatencyMs).toBeGreaterThan(0);
});
