import { expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";

const body = JSON.stringify({ model: "chat", max_tokens: 8, messages: [{ role: "user", content: "hello" }] });

/** Official clients send 503 again and again. */
test("tags and a residency that no deployment can ever serve are the caller's to change, in both dialects", async () => {
  const live = await startLive({ deployment: ", region: eu, tags: [fast]" });
  const ask = async (path: string, headers: Record<string, string>): Promise<{ readonly status: number; readonly error: unknown }> => {
    const answer = await fetch(`${live.running.url}${path}`, { method: "POST", body, headers });
    return { status: answer.status, error: ((await answer.json()) as { error?: unknown }).error };
  };
  const cases = [
    ["tags", { "x-headgate-tags": "slow" }],
    ["tags", {}],
    ["residency", { "x-headgate-tags": "fast", "x-headgate-residency": "us" }],
  ] as const;
  for (const [param, headers] of cases) {
    const code = `${param}_not_available`;
    const type = "invalid_request_error";
    expect(await ask("/v1/chat/completions", headers)).toMatchObject({ status: 400, error: { type, code, param } });
    expect(await ask("/v1/messages", headers)).toMatchObject({ status: 400, error: { type, code, details: { error_code: code } } });
  }
  expect((await ask("/v1/chat/completions", { "x-headgate-tags": "fast", "x-headgate-residency": "eu" })).status).toBe(200);
});
