/**
 * A server in shutdown while another one stands: connections that are accepted and then ended at each moment, in each way. No caller whose answer has not begun ever hears of it,
 * streamed or plain, read by the fast lane or by Node's server.
 */
import { describe, expect, test } from "vitest";
import { type LiveOptions, type LiveService, startLive } from "../support/live-service.ts";
import { DyingServer, dyingAt, end, endings, moments, whenRequest } from "../support/dying-server.ts";
import { type Script, wordStream } from "../support/scripted-upstream.ts";

/** Beyond what a request sends in one write. */
const longBody = "long ".repeat(40_000);
const wellScript: Script = (response, seen) => {
  if (seen.body["stream"] === true) wordStream(["well", " served"])(response, seen);
  else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(plainAnswer));
};
const plainAnswer = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "well served" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
};

async function startBehind(dying: DyingServer, options: LiveOptions = {}): Promise<LiveService> {
  const live = await startLive({ before: dying.origin, upstreams: 1, ...options });
  for (const upstream of live.upstreams) upstream.otherwise = wellScript;
  return live;
}

interface Told {
  readonly status: number;
  readonly whole: boolean;
  readonly by: string | null;
  readonly text: string;
}

async function ask(live: LiveService, stream: boolean, content = "hello", model = "chat"): Promise<Told> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content }], stream });
  const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body });
  const text = await answer.text();
  const whole = stream ? text.includes("served") && text.endsWith("data: [DONE]\n\n") : text.includes("well served");
  return { status: answer.status, whole: whole && !text.includes('"error"'), by: answer.headers.get("x-headgate-deployment"), text: text.slice(0, 300) };
}

const served = { status: 200, whole: true, by: "two" };
const lanes = [true, false];
const forms = [true, false];
const laneName = (fastLane: boolean): string => (fastLane ? "fast lane" : "Node's server");
const formName = (stream: boolean): string => (stream ? "stream" : "plain");

/** How a provider's connection ends is nothing to the lane that the caller came by: one ending is enough for Node's. */
const ways = moments.flatMap((moment) =>
  endings.flatMap((ending) =>
    forms.flatMap((stream) =>
      lanes.filter((fastLane) => fastLane || ending === "resets").map((fastLane) => [moment, ending, formName(stream), laneName(fastLane)] as const),
    ),
  ),
);

test.each(ways)("%s it %s: %s, %s", async (moment, ending, form, lane) => {
  const dying = await DyingServer.start(dyingAt(moment, ending), moment === "before it has read");
  const live = await startBehind(dying, { fastLane: lane === laneName(true), route: "    timeouts: { firstToken: 15s, total: 15s }" });
  const content = moment === "between head and body" ? longBody : "hello";
  const stream = form === formName(true);
  expect(await ask(live, stream, content)).toMatchObject(served);
  expect(dying.connections).toBeGreaterThan(0);
  // Past the failures that open its breaker, one by one and at once.
  for (let request = 0; request < 3; request += 1) expect(await ask(live, stream, content)).toMatchObject(served);
  const told = await Promise.all(Array.from({ length: 6 }, async () => ask(live, stream, content)));
  for (const one of told) expect(one).toMatchObject(served);
});

describe("connections that were kept alive", () => {
  const answerPlain = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
  const answer = (): string => {
    const body = JSON.stringify(plainAnswer).replace("well served", "well served, by the first");
    return `${answerPlain}content-length: ${body.length}\r\n\r\n${body}`;
  };

  /** Answers until told to die, then ends a connection when the next request comes on it. */
  async function startKept(dies: () => "not yet" | (typeof endings)[number]): Promise<DyingServer> {
    return DyingServer.start((socket) => {
      whenRequest(socket, () => {
        const how = dies();
        if (how === "not yet") socket.write(answer());
        else end(socket, how);
      });
    });
  }

  const staleWays = endings.flatMap((ending) => forms.map((stream) => [ending, formName(stream)] as const));
  test.each(staleWays)("it %s them with the next request, and nobody listens any more: %s", async (ending, form) => {
    let dying = false;
    const server = await startKept(() => (dying ? ending : "not yet"));
    const live = await startBehind(server);
    const warm = await Promise.all(Array.from({ length: 4 }, async () => ask(live, false)));
    for (const one of warm) expect(one).toMatchObject({ status: 200, by: "one" });
    dying = true;
    server.stopListening();
    const told = await Promise.all(Array.from({ length: 8 }, async () => ask(live, form === formName(true))));
    for (const one of told) expect(one).toMatchObject(served);
  });

  test.each(endings)("it %s them just as they are written to, at any moment", async (ending) => {
    for (const delay of ["same turn", "next turn", 0, 1, 2, 3, 5]) {
      const server = await startKept(() => "not yet");
      const live = await startBehind(server);
      await Promise.all(Array.from({ length: 4 }, async () => ask(live, false)));
      const asked = Promise.all(Array.from({ length: 8 }, async () => ask(live, false)));
      const die = (): void => server.refuse(ending);
      if (delay === "same turn") die();
      else if (delay === "next turn") setImmediate(die);
      else setTimeout(die, Number(delay));
      for (const one of await asked) expect(one).toMatchObject({ status: 200, whole: true });
    }
  });
});

describe("its last words", () => {
  const body = '{"error":{"message":"cannot schedule new futures after shutdown","type":"InternalServerError","param":null,"code":500}}';
  const head = (more: string): string => `HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n${more}\r\n`;
  const words: Readonly<Record<string, { readonly bytes: string; readonly whole: boolean }>> = {
    "500, draining": { bytes: `${head(`content-length: ${body.length}\r\n`)}${body}`, whole: true },
    "500, draining, to the connection's end": { bytes: `${head("connection: close\r\n")}${body}`, whole: true },
    "500, draining, whose body is cut": { bytes: `${head(`content-length: ${body.length}\r\n`)}${body.slice(0, 40)}`, whole: false },
    "500 and no body": { bytes: head(`content-length: ${body.length}\r\n`), whole: false },
    "503": { bytes: "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", whole: true },
    "an early hint": { bytes: "HTTP/1.1 103 Early Hints\r\n\r\n", whole: false },
    "a line feed": { bytes: "\n", whole: false },
  };
  const spoken = Object.keys(words).flatMap((name) => forms.map((stream) => [name, formName(stream)] as const));
  test.each(spoken)("%s: %s", async (name, form) => {
    const { bytes = "" } = words[name] ?? {};
    const dying = await DyingServer.start((socket) => whenRequest(socket, () => socket.end(bytes)));
    const live = await startBehind(dying);
    for (let request = 0; request < 7; request += 1) expect(await ask(live, form === formName(true))).toMatchObject(served);
  });
});

describe("the one that is left takes longer to begin than a retry used to wait", () => {
  const slowMs = 1300;
  const slow: Script = (response, seen) => {
    setTimeout(() => wellScript(response, seen), slowMs);
  };

  test.each(forms.map(formName))("eight at once that find the first one gone: %s", async (form) => {
    const dying = await DyingServer.start(dyingAt("after the request", "resets"));
    dying.refuse("resets");
    const live = await startBehind(dying);
    for (const upstream of live.upstreams) upstream.otherwise = slow;
    const told = await Promise.all(Array.from({ length: 8 }, async () => ask(live, form === formName(true))));
    for (const one of told) expect(one).toMatchObject(served);
  });

  test("in a fallback route: the same", async () => {
    const dying = await DyingServer.start(dyingAt("after the request", "resets"));
    dying.refuse("resets");
    const live = await startBehind(dying, { route: "  front: { deployments: [one], fallbacks: { general: [back] } }\n  back: { deployments: [two] }\n" });
    for (const upstream of live.upstreams) upstream.otherwise = slow;
    const told = await Promise.all(Array.from({ length: 8 }, async () => ask(live, true, "hello", "front")));
    for (const one of told) expect(one).toMatchObject(served);
  });
});

test("with both gone there is nowhere to go, and that is said: 502, with what was tried", async () => {
  const dying = await DyingServer.start(dyingAt("after the request", "closes"));
  dying.refuse("closes");
  const live = await startBehind(dying);
  await Promise.all(live.upstreams.map(async (upstream) => upstream.stop()));
  const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", messages: [] }) });
  expect([answer.status, await answer.json()]).toMatchObject([502, { error: { code: "upstream_unreachable" } }]);
  const told = await fetch(`${live.running.url}/v1/requests/${answer.headers.get("x-headgate-request-id")}`);
  expect(await told.json()).toMatchObject({ attempts: [{ deployment: "one" }, { deployment: "two" }] });
});
