import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { type LiveOptions, type LiveService, startLive } from "../support/live-service.ts";
import { errorAnswer, type Script } from "../support/scripted-upstream.ts";

/** Each status as the official clients meet it, in every dialect: the class that they throw, the stable code, and who may try again. */
interface Heard {
  readonly name: string;
  readonly status: unknown;
  readonly code: unknown;
  readonly retryAfter: string | null;
  /** Where the client looks for the request's name. */
  readonly named: boolean;
}
interface Ways {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly model?: string;
}

const messages = [{ role: "user" as const, content: "hi" }];

async function caught(call: Promise<unknown>): Promise<Heard> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OpenAI.APIError) {
      const retryAfter = error.headers?.get("retry-after") ?? null;
      return { name: error.constructor.name, status: error.status, code: error.code, retryAfter, named: (error.requestID ?? null) !== null };
    }
    if (error instanceof Anthropic.APIError) {
      const retryAfter = error.headers?.get("retry-after") ?? null;
      return { name: error.constructor.name, status: error.status, code: error.errorCode, retryAfter, named: (error.requestID ?? null) !== null };
    }
    throw error;
  }
  throw new Error("it was answered");
}

const openAi = ({ running }: LiveService, { key = "sk-caller", headers = {} }: Ways): OpenAI =>
  new OpenAI({ baseURL: `${running.url}/v1`, apiKey: key, maxRetries: 0, defaultHeaders: headers });

const dialects = {
  chat: async (live: LiveService, ways: Ways) => openAi(live, ways).chat.completions.create({ model: ways.model ?? "chat", messages, ...ways.body }),
  responses: async (live: LiveService, ways: Ways) => openAi(live, ways).responses.create({ model: ways.model ?? "chat", input: "hi", ...ways.body }),
  messages: async (live: LiveService, ways: Ways) =>
    new Anthropic({ baseURL: live.running.url, apiKey: ways.key ?? "sk-caller", maxRetries: 0, defaultHeaders: ways.headers ?? {} }).messages.create({
      model: ways.model ?? "chat",
      max_tokens: 5,
      messages,
      ...ways.body,
    }),
  passed: async (live: LiveService, ways: Ways) => openAi(live, ways).moderations.create({ model: ways.model ?? "chat", input: "hi", ...ways.body } as never),
};
const names = Object.keys(dialects) as (keyof typeof dialects)[];

/** The class's name, or what it is in some dialects; where none is given it is the general one. */
interface Expected extends Partial<Omit<Heard, "name">> {
  readonly name: string | Partial<Record<keyof typeof dialects, string>>;
}
const inDialect = (dialect: keyof typeof dialects, { name, ...rest }: Expected): object => ({
  ...rest,
  name: typeof name === "string" ? name : (name[dialect] ?? "APIError"),
});

const everywhere = (name: string) => ({ chat: name, responses: name, passed: name });

const tenants = { more: 'tenants: { red: { keys: ["${RED}"], requestsPerMinute: 1 } }', env: { RED: "sk-red" } };

/** What the router itself refuses. */
const refusals: readonly (readonly [string, LiveOptions, Ways, Expected])[] = [
  ["400", {}, { body: { priority: 900 } }, { name: "BadRequestError", status: 400, code: "invalid_request_contract" }],
  ["401", tenants, {}, { name: "AuthenticationError", status: 401, code: "invalid_api_key" }],
  ["403", {}, { headers: { origin: "https://evil.example" } }, { name: "PermissionDeniedError", status: 403, code: "page_not_allowed" }],
  ["404", {}, { model: "nothing" }, { name: "NotFoundError", status: 404, code: "model_not_found" }],
  [
    "413",
    { listen: ", limits: { bodyBytes: 2000 }" },
    { body: { metadata: { x: "y".repeat(3000) } } },
    { name: { messages: "ContentTooLargeError" }, status: 413, code: "body_too_large" },
  ],
  ["415", {}, { headers: { "content-encoding": "gzip" } }, { name: {}, status: 415, code: "unsupported_encoding" }],
];

describe.each(names)("refused by the router, %s", (dialect) => {
  test.each(refusals)("%s", async (_status, options, ways, expected) => {
    const live = await startLive({ providers: ["openai"], ...options });
    expect(await caught(dialects[dialect](live, ways))).toMatchObject(inDialect(dialect, expected));
    expect(live.upstreams[0]?.seen).toEqual([]);
  });

  test("429, of the caller's own rate: with the time after which it may come again", async () => {
    const live = await startLive({ providers: ["openai"], ...tenants });
    live.upstreams[0]?.next(errorAnswer(400, "anything"));
    await caught(dialects[dialect](live, { key: "sk-red" }));
    const heard = await caught(dialects[dialect](live, { key: "sk-red" }));
    expect(heard).toMatchObject({ name: "RateLimitError", status: 429, code: "rate_limit_exceeded", named: true });
    expect(Number(heard.retryAfter)).toBeGreaterThan(10);
  });

  test("431", async () => {
    const live = await startLive();
    const heard = await caught(dialects[dialect](live, { headers: { "x-large": "y".repeat(20_000) } }));
    expect(heard).toMatchObject({ name: dialect === "messages" ? "RequestHeaderFieldsTooLargeError" : "APIError", status: 431 });
  });
});

const silent: Script = () => undefined;
/** What comes of a provider's failures, all attempts together. */
const failures: readonly (readonly [string, Script, Expected])[] = [
  ["400", errorAnswer(400, "wrong", {}, "wrong_thing"), { name: "BadRequestError", status: 400 }],
  ["401", errorAnswer(401, "key"), { name: "InternalServerError", status: 502, code: "upstream_unauthorised" }],
  ["402", errorAnswer(402, "pay"), { name: "InternalServerError", status: 502, code: "upstream_unauthorised" }],
  ["404", errorAnswer(404, "no model"), { name: "InternalServerError", status: 502, code: "upstream_model_not_found" }],
  ["429", errorAnswer(429, "slow down", { "retry-after": "120" }), { name: "RateLimitError", status: 429, code: "rate_limited", retryAfter: "120" }],
  ["500", errorAnswer(500, "broken"), { name: "InternalServerError", status: 502, code: "upstream_error" }],
  ["silence", silent, { name: { ...everywhere("InternalServerError"), messages: "GatewayTimeoutError" }, status: 504, code: "total_timeout" }],
  ["a connection that breaks", (response) => void response.socket?.destroy(), { name: "InternalServerError", status: 502, code: "upstream_cut" }],
];
describe.each(names)("failed by the provider, %s", (dialect) => {
  test.each(failures)("%s", async (_what, script, expected) => {
    const timeouts = script === silent ? "    timeouts: { firstToken: 300ms, total: 300ms }\n" : "";
    const live = await startLive({ providers: ["openai"], route: `${timeouts}    retry: { attempts: 1 }` });
    if (live.upstreams[0] !== undefined) live.upstreams[0].otherwise = script;
    // What a provider says of a path that we do not know is passed on: a 404 there may be a file's.
    const passes = dialect === "passed" && expected.code === "upstream_model_not_found";
    const heard = await caught(dialects[dialect](live, {}));
    expect(heard).toMatchObject({ named: true, ...(passes ? { name: "NotFoundError", status: 404 } : inDialect(dialect, expected)) });
  });

  test.each([503, 529])("%d: Anthropic's clients have a class for it", async (status) => {
    const live = await startLive({ providers: ["openai"], route: "    retry: { attempts: 1 }" });
    if (live.upstreams[0] !== undefined) live.upstreams[0].otherwise = errorAnswer(status, "busy", { "retry-after": "7" });
    const told = dialect === "messages" ? { name: "OverloadedError", status: 529 } : { name: "InternalServerError", status: 503 };
    expect(await caught(dialects[dialect](live, {}))).toMatchObject({ ...told, code: "overloaded", retryAfter: "7", named: true });
  });

  test("422: as it was said, or as a bad request where that had to be translated", async () => {
    const live = await startLive({ providers: ["openai"] });
    live.upstreams[0]?.next(errorAnswer(422, "unprocessable"));
    const told = dialect === "messages" ? { name: "BadRequestError", status: 400, code: "bad_request" } : { name: "UnprocessableEntityError", status: 422 };
    expect(await caught(dialects[dialect](live, {}))).toMatchObject(told);
  });
});

test("405, in OpenAI's dialect and in Anthropic's", async () => {
  const live = await startLive();
  const expected = { name: "APIError", status: 405, code: "method_not_allowed" };
  expect(await caught(openAi(live, {}).get("/chat/completions"))).toMatchObject(expected);
  expect(await caught(new Anthropic({ baseURL: live.running.url, apiKey: "k", maxRetries: 0 }).get("/v1/messages"))).toMatchObject(expected);
});

test("the list of models is for callers with a key, where there are such", async () => {
  const live = await startLive(tenants);
  expect(await caught(openAi(live, {}).models.list())).toMatchObject({ name: "AuthenticationError", code: "invalid_api_key" });
  expect((await openAi(live, { key: "sk-red" }).models.list()).data).toHaveLength(1);
  const anthropic = new Anthropic({ baseURL: live.running.url, apiKey: "k", maxRetries: 0 });
  expect(await caught(anthropic.models.retrieve("chat"))).toMatchObject({ name: "AuthenticationError", code: "invalid_api_key" });
});

test("Anthropic's clients know the kind by its type too", async () => {
  const live = await startLive(tenants);
  const refused = dialects.messages(live, {});
  await expect(refused).rejects.toMatchObject({ type: "authentication_error" });
  await expect(dialects.messages(live, { key: "sk-red", headers: { "content-encoding": "br" } })).rejects.toMatchObject({ type: "invalid_request_error" });
  await expect(dialects.messages(live, { key: "sk-red", model: "none" })).rejects.toMatchObject({ type: "not_found_error" });
});
