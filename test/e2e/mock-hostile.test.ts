import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LiveFleet, startLiveFleet } from "../support/live-fleet.ts";

/** What no client of a provider sends: a mock refuses it, and lives on. */
let live: LiveFleet;
beforeAll(async () => {
  live = await startLiveFleet();
});
afterAll(async () => live.close());

const originOf = (provider: string): string => live.origins[provider]?.[0] ?? "";
/** Both providers' in one. */
const chat = JSON.stringify({ messages: [{ role: "user", content: "one" }], contents: [{ role: "user", parts: [{ text: "one" }] }], max_tokens: 1 });
const keys = { "api-key": "k", "x-goog-api-key": "k", authorization: "Bearer k" };

describe("a name in the path that is no percent-encoding", () => {
  const paths = [
    ["azure", "/openai/deployments/%E0%A4%A/chat/completions?api-version=2024-10-21"],
    ["vertex", "/v1/projects/p/locations/l/publishers/google/models/%E0%A4%A:generateContent"],
  ] as const;

  test.each(paths)("%s knows no such model", async (provider, path) => {
    const answer = await fetch(`${originOf(provider)}${path}`, { method: "POST", headers: { ...keys, "content-type": "application/json" }, body: chat });
    expect(answer.status).toBe(404);
    expect((await fetch(`${originOf(provider)}/health`)).status).toBe(200);
  });
});

describe("an upload that is no form", () => {
  test.each(["multipart/form-data", "multipart/form-data; boundary=x"])("%s", async (type) => {
    const answer = await fetch(`${originOf("openai")}/v1/files`, { method: "POST", headers: { ...keys, "content-type": type }, body: "no form" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: "file" } });
  });
});
