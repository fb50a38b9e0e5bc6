import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileConfigAt } from "../../router/config/load-config.ts";
import { parseYaml, plainValue } from "../../router/config/yaml-source.ts";
import { Router } from "../../router/core/router.ts";
import { type RunningService, startService } from "../../router/http/start-service.ts";
import { openDecisionLog } from "../../router/telemetry/decision-log.ts";
import { type MockFleet, startMockFleet } from "../../simulator/mock/mock-fleet.ts";
import { smallHosted, smallScenario } from "../support/small-scenario.ts";

/**
 * Responses that a provider keeps, through the service with OpenAI's own client: two keys at one mock of OpenAI, which shows each key only its own, and a deployment with two
 * Azure mocks, one after the other. Whatever names a response must go where it was made, with the key that it was made with.
 */
let fleet: MockFleet;
let running: RunningService;
beforeAll(async () => {
  const scenario = smallScenario([
    { name: "openai", provider: "openai", model: "m", replicas: [smallHosted] },
    { name: "azure", provider: "azure", model: "m", replicas: [smallHosted, smallHosted] },
  ]);
  fleet = await startMockFleet(scenario, { file: "test", seed: 1, host: "127.0.0.1", ports: "ephemeral" });
  const yaml = `
listen: { port: 0 }
metrics: { port: 0 }
deployments:
  first: { provider: openai, model: m, endpoints: ${JSON.stringify(fleet.origins["openai"])}, key: "\${FIRST}", price: { input: 1, output: 2 } }
  second: { provider: openai, model: m, endpoints: ${JSON.stringify(fleet.origins["openai"])}, key: "\${SECOND}", price: { input: 1, output: 2 } }
  azure: { provider: azure, model: m, endpoints: ${JSON.stringify(fleet.origins["azure"])}, key: "\${AZURE}", price: { input: 1, output: 2 } }
routes:
  chat: { deployments: [first, second, azure], strategy: round-robin }
tenants: { red: { keys: ["\${RED}"] }, blue: { keys: ["\${BLUE}"] } }
`;
  const source = parseYaml("headgate.yaml", yaml);
  const env = { FIRST: "sk-first-key", SECOND: "sk-second-key", AZURE: "azure-key", RED: "sk-red", BLUE: "sk-blue" };
  const { compiled, service } = compileConfigAt({ source, base: [] }, plainValue(source), env);
  running = await startService({ compiled, spec: service, core: new Router(compiled, { seed: 7, explain: false }), log: openDecisionLog("silent") });
});
afterAll(async () => {
  await running.stop(100);
  await fleet.close();
});

const client = (apiKey = "sk-red"): OpenAI => new OpenAI({ baseURL: `${running.url}/v1`, apiKey, maxRetries: 0 });
const ask = async (body: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {}) =>
  client()
    .responses.create({ model: "chat", input: "one two", max_output_tokens: 3, ...body })
    .withResponse();
const servedBy = (answer: Response): string | null => answer.headers.get("x-headgate-deployment");

test("retrieved, listed, gone on with and deleted where it was made, with the key that it was made with", async () => {
  const made = await Promise.all(Array.from({ length: 9 }, async () => ask()));
  expect(new Set(made.map(({ response }) => servedBy(response)))).toEqual(new Set(["first", "second", "azure"]));
  for (const { data, response } of made) {
    const where = servedBy(response);
    const got = await client().responses.retrieve(data.id).withResponse();
    expect([servedBy(got.response), got.data.output_text]).toEqual([where, data.output_text]);
    const next = await ask({ previous_response_id: data.id });
    expect(servedBy(next.response)).toBe(where);
    expect(next.data.usage?.input_tokens).toBe(4 + (data.usage?.output_tokens ?? 0));
    expect((await client().responses.inputItems.list(next.data.id)).data).toHaveLength(3);
    await client().responses.delete(data.id);
    await expect(client().responses.retrieve(data.id)).rejects.toMatchObject({ status: 404 });
  }
});

test("of one deployment's two addresses it is the one that made it", async () => {
  const atAzure: string[] = [];
  for (let turn = 0; turn < 12; turn += 1) {
    const { data, response } = await ask();
    if (servedBy(response) === "azure") atAzure.push(data.id);
  }
  // The mocks' ids tell which of them has made it.
  expect(new Set(atAzure.map((id) => id.slice(0, "resp_1".length))).size).toBe(2);
  for (const id of atAzure) expect((await client().responses.retrieve(id)).id).toBe(id);
});

test("of a stream too", async () => {
  for (let turn = 0; turn < 3; turn += 1) {
    const stream = await client().responses.create({ model: "chat", input: "one two", max_output_tokens: 3, stream: true });
    let id = "";
    for await (const event of stream) if (event.type === "response.created") ({ id } = event.response);
    expect((await client().responses.retrieve(id)).id).toBe(id);
    const next = await client().responses.create({ model: "chat", input: "three", previous_response_id: id, max_output_tokens: 3, stream: true });
    for await (const event of next) if (event.type === "response.created") expect(event.response.previous_response_id).toBe(id);
  }
});

test("another tenant's is not there, nor one that was not to be kept", async () => {
  const { data } = await ask();
  await expect(client("sk-blue").responses.retrieve(data.id)).rejects.toMatchObject({ status: 404, code: "unknown_id" });
  const theirs = client("sk-blue").responses.create({ model: "chat", input: "go on", previous_response_id: data.id });
  await expect(theirs).rejects.toMatchObject({ status: 404, code: "unknown_id" });
  const unkept = await ask({ store: false });
  await expect(client().responses.retrieve(unkept.data.id)).rejects.toMatchObject({ status: 404 });
});
