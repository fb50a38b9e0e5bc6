/** Every exchange that was recorded with a real vLLM 0.32 server, sent to the mock: status, headers, bodies and streams are compared field by field (test/support/wire-shape.ts says what may differ). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startMockFleet, type MockFleet } from "../../simulator/mock/mock-fleet.ts";
import type { VllmOptions } from "../../simulator/mock/vllm/vllm-options.ts";
import { sharedFolder } from "../support/shared-folder.ts";
import { smallScenario, smallVllm } from "../support/small-scenario.ts";
import { type Exchange, readExchanges, readLines, replayExchange } from "../support/wire-recording.ts";
import { byAnswer, collapsed, eventsOf, shapeOf } from "../support/wire-shape.ts";

/** The recorded servers: their flags, their chat template, and the words that their model says to nearly every prompt. */
const recorded: Partial<VllmOptions> = {
  templateTokens: { message: 6, end: 6 },
  vocabularySize: 4_096,
  lettersPerTokenMax: 13,
  multimodal: false,
  answerTokens: 100_000,
  vocabulary: [
    { id: 674, text: " venwanrung" },
    { id: 599, text: "ickplis" },
    { id: 954, text: " spil" },
    { id: 693, text: " stasplaind" },
    { id: 3_531, text: " wes" },
    { id: 32, text: "9" },
  ],
};
const flags: Readonly<Record<string, Partial<VllmOptions>>> = {
  "main.jsonl": { toolParser: false, loadTracking: false },
  "second.jsonl": { apiKey: "sekret", requestIdHeaders: true, toolParser: true, loadTracking: true, devMode: true },
};

/** A page that describes the process, not its API: status and headers only. */
const describesItself = new Set([
  "get /openapi.json",
  "key none /openapi.json",
  "key none /server_info",
  "key none /tokenizer_info",
  "get /metrics/",
  "key none /metrics",
]);
/** The client had given up when nothing was recorded. */
const unanswered = new Set(["err completion input+max too long", "dev chat while paused"]);
/** What a model says under a grammar or with tools is its own business: how long it is, why it ends, whether it calls. Keys of the answer only. */
const modelsChoice = new Set([
  "chat json_schema",
  "chat json_schema stream",
  "chat json_object cut",
  "chat structured regex",
  "hermes tools auto",
  "hermes tools auto stream",
  "hermes required",
  "hermes required stream",
  "hermes forced call text",
]);
/** Prompts of other words than the tokenizer's, and how many tokens they are. */
const otherTokens = new Set(["messages system", "err role unknown", "chat tools none", "chat tool result messages"]);
/** Events whose number is the moment's. */
const inPieces = new Set(["responses stream", "hermes forced call text stream"]);

const folder = sharedFolder();
const fleets = new Map<string, MockFleet>();

beforeAll(async () => {
  // A step takes no time, so that the 8,177 tokens of one recording do not either.
  const stepTime = { ...smallVllm.engine.stepTime, perStepUs: 20, perPrefillTokenUs: 0, perSequenceUs: 0, perContextTokenUs: 0 };
  const replica = { ...smallVllm, engine: { ...smallVllm.engine, blockTokens: 32, blocks: 1_024, stepTime } };
  const scenario = smallScenario([{ name: "pool", model: "tiny", replicas: [replica as typeof smallVllm] }]);
  for (const [file, own] of Object.entries(flags)) {
    fleets.set(file, await startMockFleet(scenario, { file: "test", seed: 1, host: "127.0.0.1", ports: "ephemeral", vllm: { ...recorded, ...own } }));
  }
});
afterAll(async () => {
  await Promise.all([...fleets.values()].map(async (fleet) => fleet.close()));
});

const originOf = (file: string): string => fleets.get(file)?.origins["pool"]?.[0] ?? "";

for (const file of Object.keys(flags)) {
  const exchanges = folder === null ? [] : readExchanges(folder, file).filter(({ name }) => !unanswered.has(name));
  describe.skipIf(folder === null)(`the mock beside the recorded vLLM: ${file}`, () => {
    test.each(exchanges.map((exchange) => [exchange.name, exchange] as const))("%s", async (name, exchange) => {
      const answer = await replayExchange(exchange, originOf(file));
      const theirs = theirsOf(exchange);
      expect(answer.status).toBe(theirs.status);
      expect(headersOf(answer.headers)).toEqual(headersOf(theirs.headers));
      if (describesItself.has(name)) return;
      const ours = bodyShape(name, answer.body);
      expect(ours).toEqual(bodyShape(name, theirs.body));
    });
  });
}

/** Told as raw text: a queue that is full, in the words of each API. */
interface RawCase {
  readonly case: string;
  readonly raw?: string;
}

test.skipIf(folder === null)("a queue that is full", async () => {
  const cases = readLines<RawCase>(folder ?? "", "extras.jsonl");
  const origin = originOf("second.jsonl");
  const post = async (method: string, body: object): Promise<Response> => fetch(`${origin}/mock/faults`, { method, body: JSON.stringify(body) });
  await post("POST", { busy: true });
  const bodies = {
    "13th request, stream false": ["/v1/chat/completions", { model: "tiny", messages: [{ role: "user", content: "a" }] }],
    "/v1/messages over the limit": ["/v1/messages", { model: "tiny", max_tokens: 1, messages: [{ role: "user", content: "a" }] }],
    "/v1/completions over the limit": ["/v1/completions", { model: "tiny", prompt: "a" }],
  } as const;
  for (const [name, [path, body]] of Object.entries(bodies)) {
    const headers = { "content-type": "application/json", authorization: "Bearer sekret" };
    const answer = await fetch(`${origin}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const [head = "", theirs = ""] = cases.find((each) => each.case === name)?.raw?.split("\r\n\r\n") ?? [];
    expect([answer.status, await answer.json()], name).toEqual([Number(head.split(" ")[1]), JSON.parse(theirs)]);
  }
  await fetch(`${origin}/mock/faults`, { method: "DELETE" });
});

interface Shutdown {
  readonly label: string;
  /** Milliseconds, what health said, what a chat got. */
  readonly probes_changes: readonly (readonly [number, string, string])[];
}

test.skipIf(folder === null).each([
  ["SIGTERM, default --shutdown-timeout", { draining: true }, 0],
  ["EngineCore killed with SIGKILL (sync server)", { engineDead: true }, 1],
] as const)("a server on its way out: %s", async (label, faults, place) => {
  const [, health = "", chat = ""] = readLines<Shutdown>(folder ?? "", "shutdown.jsonl").find((each) => each.label === label)?.probes_changes[place] ?? [];
  const origin = originOf("main.jsonl");
  await fetch(`${origin}/mock/faults`, { method: "POST", body: JSON.stringify(faults) });
  expect((await fetch(`${origin}/health`)).status).toBe(Number(health.split(" ")[1]));
  const body = JSON.stringify({ messages: [{ role: "user", content: "a" }] });
  const answer = await fetch(`${origin}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body });
  const [status = "", theirs = ""] = chat.split(" | ");
  expect([answer.status, await answer.json()]).toEqual([Number(status.split(" ")[1]), JSON.parse(theirs)]);
  await fetch(`${origin}/mock/faults`, { method: "DELETE" });
});

test("a server that is paused is well, and keeps its calls until it goes on", async () => {
  const origin = originOf("second.jsonl");
  const headers = { "content-type": "application/json", authorization: "Bearer sekret" };
  await fetch(`${origin}/pause`, { method: "POST" });
  let answered = false;
  const body = JSON.stringify({ messages: [{ role: "user", content: "a" }], max_tokens: 1 });
  const waiting = fetch(`${origin}/v1/chat/completions`, { method: "POST", headers, body }).then(async (answer) => {
    answered = true;
    return answer.json() as Promise<{ readonly object: string }>;
  });
  for (let round = 0; round < 5; round += 1) expect((await fetch(`${origin}/health`)).status).toBe(200);
  expect(answered).toBe(false);
  await fetch(`${origin}/resume`, { method: "POST" });
  expect((await waiting).object).toBe("chat.completion");
});

test.skipIf(folder === null)("all that was recorded is compared", () => {
  const names = Object.keys(flags).flatMap((file) => readExchanges(folder ?? "", file).map(({ name }) => name));
  expect(names.length).toBeGreaterThanOrEqual(298);
  for (const exception of [describesItself, unanswered, modelsChoice, otherTokens, inPieces]) expect(names).toEqual(expect.arrayContaining([...exception]));
});

interface Theirs {
  readonly status: number | null;
  readonly headers: Exchange["response"]["headers"];
  readonly body: string;
}

/** After `100 Continue` the recording has the real answer in the body. */
function theirsOf({ response }: Exchange): Theirs {
  const body = response.chunks === undefined ? (response.body ?? "") : response.chunks.join("");
  if (response.status !== 100) return { status: response.status, headers: response.headers, body };
  const [head = "", rest = ""] = body.split(/\r?\n\r?\n/, 2);
  const [statusLine = "", ...lines] = head.split(/\r?\n/);
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
  return { status: Number(statusLine.split(" ")[1]), headers, body: rest };
}

function headersOf(headers: Exchange["response"]["headers"]): object {
  const valueOf = (name: string, value: string): string => (["date", "content-length"].includes(name) || isDrawn(name, value) ? "<its own>" : value);
  return Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), valueOf(name.toLowerCase(), value)]));
}

const isDrawn = (name: string, value: string): boolean => name === "x-request-id" && /^[0-9a-f]{32}$/.test(value);

function bodyShape(name: string, body: string): unknown {
  if (!/^(?:data|event): /.test(body)) return body.startsWith("{") ? withoutChoice(name, shapeOf(JSON.parse(body))) : body;
  if (modelsChoice.has(name))
    return collapsed(eventsOf(body))
      .map(({ data }) => (typeof data === "object" ? Object.keys(data ?? {}) : data))
      .at(0);
  const events = byAnswer(eventsOf(body));
  return inPieces.has(name) ? collapsed(events) : events;
}

function withoutChoice(name: string, shape: unknown): unknown {
  if (typeof shape !== "object" || shape === null) return shape;
  if (modelsChoice.has(name)) return Object.keys(shape);
  return otherTokens.has(name) && "usage" in shape ? { ...shape, usage: Object.keys(shape.usage ?? {}) } : shape;
}
