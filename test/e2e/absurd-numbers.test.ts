import { expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import type { Script } from "../support/scripted-upstream.ts";

const messages = [{ role: "user" as const, content: "hello" }];
/** Budgets and bounds on cost: what is asked for is weighed before it is sent, and billed afterwards. */
const weighed = {
  more: "limits: [{ tokensPerMinute: 1000000, budget: { dollars: 100 } }]",
  route: "    strategy: cost-based\n    realtimeCostLimitUsd: 50",
  price: "{ input: 1, output: 2, picture: 0.01 }",
};

test("whatever number of tokens a caller allows itself, the service goes on", async () => {
  for (const options of [{}, weighed]) {
    const live = await startLive(options);
    const ask = async (cap: string, answers = "1"): Promise<number> => {
      const body = `{"model":"chat","max_tokens":${cap},"n":${answers},"messages":[{"role":"user","content":"hello"}]}`;
      return (await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body })).status;
    };
    for (const cap of ["1e308", "1e999", "9007199254740993", "99999999999", "-5", "1.5", '"7"', "null", "[]", "0"])
      expect([200, 429, 400]).toContain(await ask(cap));
    for (const answers of ["1e308", "1e999", "1000000", "-1", "0"])
      for (const cap of ["0", "16", "1e308"]) expect([200, 429, 400]).toContain(await ask(cap, answers));
    expect(await ask("16")).toBe(200);
  }
});

test("usage and pictures beyond all measure are not believed, and the service goes on", async () => {
  const live = await startLive(weighed);
  const told =
    (usage: object): Script =>
    (response) => {
      const choice = { index: 0, message: { role: "assistant", content: "x".repeat(40) }, finish_reason: "stop" };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ id: "chatcmpl-1", object: "chat.completion", created: 1, model: "m", choices: [choice], usage }));
    };
  const huge = Number.MAX_SAFE_INTEGER;
  live.upstreams[0]?.next(
    told({ prompt_tokens: huge, completion_tokens: huge }),
    told({ prompt_tokens: 1, completion_tokens: 20_000_000 }),
    told({ prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: huge } }),
    told({ prompt_tokens: 5, completion_tokens: 1 }),
  );
  const costs: (string | null)[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    const { response } = await live.client.chat.completions.create({ model: "chat", messages }).withResponse();
    costs.push(response.headers.get("x-headgate-cost-estimated"));
  }
  expect(costs).toEqual(["true", "true", "true", null]);
  const picture = { type: "image_url" as const, image_url: { url: "data:image/png;base64,AA==" } };
  const pictures = Array.from({ length: 20_000 }, () => picture);
  await expect(live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: pictures }] })).rejects.toMatchObject({
    code: "cost_budget_too_small",
  });
  expect((await live.client.chat.completions.create({ model: "chat", messages })).choices).toHaveLength(1);
});

const nested = "[".repeat(20_000) + "]".repeat(20_000);

test("what is nested beyond all measure is refused, wherever it stands, and the service goes on", async () => {
  const live = await startLive();
  const ask = async (fields: string): Promise<number> =>
    (await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body: `{"model":"chat","messages":[],${fields}}` })).status;
  for (const fields of [`"model":"chat","x":${nested}`, `"metadata":{"tags":"a","x":${nested}}`]) expect(await ask(fields)).toBe(400);
  expect(await ask('"x":1')).toBe(200);
});

test.each(["openai", "anthropic", "vertex"])("so is what %s would be told in another form", async (provider) => {
  const live = await startLive({ providers: [provider] });
  const ask = async (fields: string): Promise<unknown> => {
    const body = `{"model":"chat","stream":true,"messages":[{"role":"user","content":"hello"}],${fields}}`;
    const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body });
    const { error } = (await answer.json()) as { error: { code: string; param: string } };
    return [answer.status, error.code, error.param];
  };
  const deep = `{"x":${nested}}`;
  if (provider === "openai") expect(await ask(`"stream_options":${deep}`)).toEqual([400, "untranslatable", "stream_options"]);
  else expect(await ask(`"tools":[{"type":"function","function":{"name":"f","parameters":${deep}}}]`)).toEqual([400, "untranslatable", "tools"]);
});

test("a provider's answer that is nested so is a failure of its own, plain and streamed", async () => {
  const asked = async (provider: string, stream: boolean, contentType: string, answer: string): Promise<number> => {
    const live = await startLive({ providers: [provider], route: "    retry: { attempts: 1 }" });
    live.upstreams[0]?.next((response) => response.setHeader("content-type", contentType).end(answer));
    const body = JSON.stringify({ model: "chat", stream, messages });
    return (await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body })).status;
  };
  const block = `{"type":"tool_use","id":"t","name":"f","input":${nested}}`;
  expect(await asked("anthropic", false, "application/json", `{"id":"m","type":"message","role":"assistant","content":[${block}]}`)).toBe(502);
  const called = `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":${nested}}}]}}]}`;
  expect(await asked("vertex", false, "application/json", called)).toBe(502);
  expect(await asked("vertex", true, "text/event-stream", `data: ${called}\n\n`)).toBe(502);
});
