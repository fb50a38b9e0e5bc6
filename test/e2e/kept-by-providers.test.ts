import path from "node:path";
import OpenAI, { toFile } from "openai";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../router/config/load-config.ts";
import { Router } from "../../router/core/router.ts";
import { type RunningService, startService } from "../../router/http/start-service.ts";
import { openDecisionLog } from "../../router/telemetry/decision-log.ts";
import { type LiveService, startLive } from "../support/live-service.ts";
import { chatStream, errorAnswer, type Script } from "../support/scripted-upstream.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const json =
  (value: unknown): Script =>
  (response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(value));
  };
const responseOf = (id: string) => ({
  id,
  object: "response",
  created_at: 1,
  status: "completed",
  model: "m",
  output: [{ id: "msg_1", type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "hello", annotations: [] }] }],
  usage: { input_tokens: 3, input_tokens_details: { cached_tokens: 1 }, output_tokens: 2, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 5 },
});
const bothWays = "    strategy: round-robin";

describe("what providers keep", () => {
  test("a response is continued where it was given, in a stream too", async () => {
    const { client, upstreams } = await startLive({ upstreams: 2, providers: ["openai", "openai"], route: bothWays });
    for (const upstream of upstreams) upstream.otherwise = json(responseOf(`resp_of_${upstream.origin.slice(-5)}`));
    const first = await client.responses.create({ model: "chat", input: "one" });
    expect(first.output_text).toBe("hello");
    const keeper = upstreams.find(({ origin }) => first.id.endsWith(origin.slice(-5)));
    const before = keeper?.seen.length ?? 0;
    for (let round = 0; round < 4; round += 1) await client.responses.create({ model: "chat", input: "more", previous_response_id: first.id });
    expect((keeper?.seen.length ?? 0) - before).toBe(4);
    expect(keeper?.seen.at(-1)?.body["previous_response_id"]).toBe(first.id);
    await client.responses.retrieve(first.id);
    expect(keeper?.seen.at(-1)).toMatchObject({ method: "GET", path: `/v1/responses/${first.id}` });
    expect(keeper?.seen.at(-1)?.headers.authorization).toBe("Bearer sk-upstream");
  });

  test("a file, and the batch that refers to it, go to one provider; the body passes as it came", async () => {
    const { client, upstreams } = await startLive({ upstreams: 2, providers: ["openai", "openai"], route: bothWays });
    for (const upstream of upstreams) {
      const tail = upstream.origin.slice(-5);
      upstream.otherwise = (response, seen) =>
        json(seen.path === "/v1/files" ? { id: `file-of${tail}xyz`, object: "file" } : { id: `batch_of${tail}xyz`, object: "batch" })(response, seen);
    }
    const file = await client.files.create({ file: await toFile(Buffer.from('{"a":1}\n'), "in.jsonl"), purpose: "batch" });
    const keeper = upstreams.find(({ origin }) => file.id.includes(origin.slice(-5)));
    expect(keeper?.seen[0]?.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(keeper?.seen[0]?.raw).toContain('{"a":1}');
    for (let round = 0; round < 3; round += 1) {
      const batch = await client.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" });
      await client.batches.retrieve(batch.id);
    }
    expect(keeper?.seen).toHaveLength(7);
    await client.files.delete(file.id);
    expect(keeper?.seen.at(-1)).toMatchObject({ method: "DELETE", path: `/v1/files/${file.id}` });
  });

  test("files cost no tokens and are no prompts; what a provider does not have, it says itself", async () => {
    const { client, running, upstreams } = await startLive({ providers: ["openai"], deployment: ", context: 1000" });
    upstreams[0]?.next(
      json({ id: "file-large1", object: "file" }),
      (response) => response.end(Buffer.alloc(3_000_000, 7)),
      errorAnswer(404, "No such File object: file-none"),
    );
    const { response } = await client.files.create({ file: await toFile(Buffer.alloc(2_000_000), "in.bin"), purpose: "batch" }).withResponse();
    const content = await client.files.content("file-large1");
    expect((await content.arrayBuffer()).byteLength).toBe(3_000_000);
    for (const id of [response.headers.get("x-headgate-request-id"), content.headers.get("x-headgate-request-id")]) {
      const told = await (await fetch(`${running.url}/v1/requests/${id}`)).json();
      expect(told).toMatchObject({ status: "served", usage: { input_tokens: 0, output_tokens: 0 }, cost_usd: "0.000000000" });
    }
    await expect(client.files.retrieve("file-none12")).rejects.toMatchObject({ status: 404, message: expect.stringContaining("No such File object") });
  });

  test("a stream of a path that nobody knows passes to its end", async () => {
    const { running, upstreams } = await startLive();
    const events = ["event: a\ndata: 1\n\n", 'data: {"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n', "data: no blank line behind"];
    upstreams[0]?.next(chatStream(events, { gapMs: 5 }));
    const answer = await fetch(`${running.url}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "chat", stream: true, input: "x" }),
    });
    expect(await answer.text()).toBe(events.join(""));
    expect(upstreams[0]?.seen[0]?.body["model"]).toBe("upstream-model");
    const told = await (await fetch(`${running.url}/v1/requests/${answer.headers.get("x-headgate-request-id")}`)).json();
    expect(told).toMatchObject({ status: "served", usage: { input_tokens: 5, output_tokens: 2 } });
  });

  test("what one tenant's provider keeps is not another tenant's", async () => {
    const { running, upstreams } = await startLive({
      providers: ["openai"],
      more: 'tenants: { red: { keys: ["${RED}"] }, blue: { keys: ["${BLUE}"] } }',
      env: { RED: "sk-red", BLUE: "sk-blue" },
    });
    const clientOf = (apiKey: string) => new OpenAI({ baseURL: `${running.url}/v1`, apiKey, maxRetries: 0 });
    if (upstreams[0] !== undefined) upstreams[0].otherwise = json(responseOf("resp_of_red_1"));
    const { id } = await clientOf("sk-red").responses.create({ model: "chat", input: "mine" });
    await expect(clientOf("sk-blue").responses.retrieve(id)).rejects.toMatchObject({ status: 404, code: "unknown_id" });
    await expect(clientOf("sk-blue").responses.create({ model: "chat", input: "x", previous_response_id: id })).rejects.toMatchObject({ status: 404 });
    expect(upstreams[0]?.seen).toHaveLength(1);
  });

  test("a list shows a tenant what is its own and what nobody is known to own, and takes nothing from anybody", async () => {
    const { running, upstreams } = await startLive({
      providers: ["openai"],
      more: 'tenants: { red: { keys: ["${RED}"] }, blue: { keys: ["${BLUE}"] } }',
      env: { RED: "sk-red", BLUE: "sk-blue" },
    });
    const clientOf = (apiKey: string) => new OpenAI({ baseURL: `${running.url}/v1`, apiKey, maxRetries: 0 });
    const file = (id: string): object => ({ id, object: "file", filename: `${id}.jsonl` });
    upstreams[0]?.next(json(file("file-ofred111")), json(file("file-ofblue22")));
    const upload = async () => ({ file: await toFile(Buffer.from("{}"), "in.jsonl"), purpose: "batch" }) as const;
    await clientOf("sk-red").files.create(await upload());
    await clientOf("sk-blue").files.create(await upload());
    const all = { object: "list", data: [file("file-ofred111"), file("file-ofblue22"), file("file-earlier3")], has_more: false };
    for (const [key, own] of [
      ["sk-blue", "file-ofblue22"],
      ["sk-red", "file-ofred111"],
    ] as const) {
      upstreams[0]?.next(json(all));
      const { data } = await clientOf(key).files.list();
      expect(data.map(({ id }) => id)).toEqual([own, "file-earlier3"]);
    }
    if (upstreams[0] !== undefined) upstreams[0].otherwise = json(file("file-ofred111"));
    const before = upstreams[0]?.seen.length ?? 0;
    await expect(clientOf("sk-blue").files.retrieve("file-ofred111")).rejects.toMatchObject({ status: 404, code: "unknown_id" });
    const mixed = { input_file_id: "file-ofblue22", endpoint: "/v1/chat/completions", completion_window: "24h", metadata: { also: "file-ofred111" } } as const;
    await expect(clientOf("sk-blue").batches.create(mixed)).rejects.toMatchObject({ status: 404, message: expect.stringContaining("file-ofred111") });
    const padded = { ...mixed, input_file_id: "file-ofred111", metadata: { pad: "x".repeat(70_000) } };
    await expect(clientOf("sk-blue").batches.create(padded)).rejects.toMatchObject({ status: 404 });
    expect(upstreams[0]?.seen).toHaveLength(before);
    // Nobody has claimed it by having it listed.
    for (const key of ["sk-red", "sk-blue"])
      expect(
        (await clientOf(key)
          .files.retrieve("file-ofred111")
          .catch(() => null)) !== null,
      ).toBe(key === "sk-red");
    expect((await clientOf("sk-red").files.retrieve("file-earlier3")).object).toBe("file");
  });

  test("paths that a server behind could read otherwise are not passed", async () => {
    const { running, upstreams } = await startLive();
    for (const path of ["/v1/../admin", "/v1/files/%2e%2e/admin", "/v1/files%2F..%2Fadmin", "/v1//files", "/v1/files\\admin"]) {
      const { port } = new URL(running.url);
      const status = await rawStatus(Number(port), path);
      expect([path, status]).toEqual([path, 404]);
    }
    expect(upstreams[0]?.seen).toHaveLength(0);
  });

  test("after a restart: where the configuration has a folder for it, the id's issuer is known, and whose it is; where not, it is no longer", async () => {
    for (const kept of [true, false]) {
      const folder = temporaryFolder();
      const tenants = "tenants: { red: { keys: [{ env: RED }] }, blue: { keys: [{ env: BLUE }] } }";
      const env = { RED: "sk-red", BLUE: "sk-blue" };
      const live = await startLive({
        upstreams: 2,
        providers: ["openai", "openai"],
        env,
        more: `${tenants}\n${kept ? `state: { folder: ${JSON.stringify(folder)} }` : ""}`,
      });
      const [one, two] = live.upstreams;
      for (const upstream of live.upstreams)
        upstream.otherwise = (response) => {
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify({ id: "file-abc123def", object: "file" }));
        };
      const ask = async (url: string, at: string, key: string): Promise<number> =>
        (await fetch(`${url}${at}`, { headers: { authorization: `Bearer ${key}`, "x-headgate-model": "chat" } })).status;
      // Weighted, the first one has all of them; the second one issues this id because its caller wants to be served in turn.
      await fetch(`${live.running.url}/v1/files`, { method: "POST", headers: { authorization: "Bearer sk-red", "x-headgate-strategy": "round-robin" } });
      await fetch(`${live.running.url}/v1/files`, { method: "POST", headers: { authorization: "Bearer sk-red", "x-headgate-strategy": "round-robin" } });
      expect([one?.seen.length, two?.seen.length]).toEqual([1, 1]);
      await live.running.stop(100);
      const again = await restarted(live, { ...env, UPSTREAM_KEY: "sk-upstream" });
      const before = two?.seen.length ?? 0;
      expect(await ask(again.url, "/v1/files/file-abc123def", "sk-red")).toBe(200);
      expect((two?.seen.length ?? 0) - before).toBe(kept ? 1 : 0);
      if (kept) expect(await ask(again.url, "/v1/files/file-abc123def", "sk-blue")).toBe(404);
      await again.stop(100);
    }
  });
});

async function rawStatus(port: number, path: string): Promise<number> {
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`));
    socket.once("data", (data) => resolve(Number(data.toString().split(" ")[1])));
  });
}

/** The same configuration and the same providers, in a new process as it were. */
async function restarted(live: LiveService, env: Readonly<Record<string, string>>): Promise<RunningService> {
  const { compiled, service } = loadConfig(path.join(path.dirname(live.journalFolder), "headgate.yaml"), env);
  return startService({ compiled, spec: service, core: new Router(compiled, { seed: 1, explain: false }), log: openDecisionLog("silent") });
}
