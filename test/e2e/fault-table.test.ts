/** What callers see, and providers get, when one provider of two fails in one of the ways in which gateways are compared; and when there is only one. */
import { describe, expect, test } from "vitest";
import { type LiveService, startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { chatRequest, RawCaller } from "../support/raw-caller.ts";
import { chatAnswer, chatStream, delta, errorAnswer, type Script, type ScriptedUpstream, wordStream } from "../support/scripted-upstream.ts";

const evenly = "    strategy: round-robin\n";
const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hang: Script = () => undefined;

function both(live: LiveService): [ScriptedUpstream, ScriptedUpstream] {
  const [a, b] = live.upstreams;
  if (a === undefined || b === undefined) throw new Error("two upstreams");
  return [a, b];
}

/** The status, 200 on success. */
async function ask(live: LiveService): Promise<number> {
  const answer = await fetch(`${live.running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", messages: [] }) });
  await answer.text();
  return answer.status;
}

async function askInTurn(live: LiveService, requests: number, gapMs = 0): Promise<number[]> {
  const statuses: number[] = [];
  for (let count = 0; count < requests; count += 1) {
    statuses.push(await ask(live));
    if (gapMs > 0) await pause(gapMs);
  }
  return statuses;
}

async function streamed(live: LiveService): Promise<RawCaller> {
  const caller = new RawCaller(live.running.url).write(chatRequest({ stream: true }, ["connection: close"]));
  await caller.end(8000);
  return caller;
}

const allServed = (statuses: readonly number[]): boolean => statuses.every((status) => status === 200);
/** As HTTP counts: the last chunk has come. */
const isWhole = ({ received }: RawCaller): boolean => received.endsWith("0\r\n\r\n");

describe("one of two", () => {
  test("answers 500: nobody notices, at most 1.05 calls a request, and one probe at a time after its rest", async () => {
    const live = await startLive({ upstreams: 2, route: evenly, deployment: ", breaker: { open: 600ms, growth: 1 }" });
    const [a] = both(live);
    let open = 0;
    let openMost = 0;
    a.otherwise = (response, seen) => {
      openMost = Math.max(openMost, (open += 1));
      response.on("close", () => (open -= 1));
      setTimeout(() => errorAnswer(500, "boom")(response, seen), 5);
    };
    const startedMs = performance.now();
    expect(allServed(await askInTurn(live, 120))).toBe(true);
    // On a machine that is slow enough the rest has passed meanwhile, and it has been looked at.
    const looks = Math.floor((performance.now() - startedMs) / 600);
    const called = live.upstreams.reduce((sum, { seen }) => sum + seen.length, 0);
    expect((called - looks) / 120).toBeLessThanOrEqual(1.05);
    expect(a.seen.length - looks).toBeLessThanOrEqual(6);
    // Past the open time, many at once: each time it is looked at by one.
    for (const _period of [1, 2]) {
      await pause(650);
      const before = a.seen.length;
      openMost = 0;
      expect(allServed(await Promise.all(Array.from({ length: 20 }, async () => ask(live))))).toBe(true);
      expect(openMost).toBe(1);
      expect(a.seen.length - before).toBe(1);
    }
  });

  test("answers 429 with Retry-After: it is left alone for so long, to the second, and asked again then", async () => {
    const live = await startLive({ upstreams: 2, route: evenly });
    const [a] = both(live);
    const times: number[] = [];
    a.otherwise = (response, seen) => {
      times.push(performance.now());
      errorAnswer(429, "slow down", { "retry-after": "1" })(response, seen);
    };
    expect(allServed(await askInTurn(live, 90, 15))).toBe(true);
    expect(times.length).toBeGreaterThanOrEqual(2);
    for (const [place, time] of times.entries()) if (place > 0) expect(time - (times[place - 1] ?? 0)).toBeGreaterThanOrEqual(1000);
    expect(times.length).toBeLessThanOrEqual(3);
  });

  test("hangs: requests already there pay the limit once and are served, later ones pay nothing", async () => {
    const live = await startLive({ upstreams: 2, route: `${evenly}    timeouts: { total: 400ms, firstToken: 400ms }` });
    const [a] = both(live);
    a.otherwise = hang;
    expect(allServed(await Promise.all(Array.from({ length: 10 }, async () => ask(live))))).toBe(true);
    const hung = a.seen.length;
    expect(hung).toBe(5);
    expect(allServed(await Promise.all(Array.from({ length: 10 }, async () => ask(live))))).toBe(true);
    expect(a.seen).toHaveLength(hung);
    await until(() => a.seen.every(({ closedMs }) => closedMs !== null));
  });

  const beforeContent: Readonly<Record<string, Script>> = {
    "is cut before its first byte": (response) => response.socket?.destroy(),
    "is cut after its head": chatStream([], { end: "cut" }),
    "is cut before its first token": chatStream([delta({ role: "assistant", content: "" })], { end: "cut" }),
    "is silent before its first byte": hang,
    "is silent after its head": chatStream([], { end: "hang" }),
    "is silent before its first token": chatStream([delta({ role: "assistant", content: "" })], { end: "hang" }),
    "ends before its first token": chatStream([delta({ role: "assistant", content: "" })]),
  };
  test.each(Object.entries(beforeContent))("whose stream %s: the other one's stream, whole and alone", async (_name, script) => {
    const live = await startLive({ upstreams: 2, route: "    timeouts: { firstToken: 300ms }" });
    const [a, b] = both(live);
    a.next(script);
    b.next(wordStream(["from", "the", "other"]));
    const caller = await streamed(live);
    expect(caller.statuses).toEqual([200]);
    expect(isWhole(caller)).toBe(true);
    expect(caller.received.match(/"role":"assistant"/g)).toHaveLength(1);
    for (const word of ["from", "the", "other", "data: [DONE]"]) expect(caller.received).toContain(word);
    expect(caller.received).not.toContain('"error"');
  });

  const afterContent: Readonly<Record<string, Script>> = {
    "is cut": wordStream(["part", "of"], { end: "cut" }),
    "goes silent": wordStream(["part", "of"], { end: "hang" }),
    "ends without its end": chatStream([delta({ content: "part" })]),
    // With a pause: an error in the read that brings the first content is before it, and another endpoint is asked.
    "says an error and then [DONE]": chatStream([delta({ content: "part" }), 'data: {"error":{"message":"engine died","code":500}}\n\n', "data: [DONE]\n\n"], {
      gapMs: 40,
    }),
    "breaks its chunks": (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(delta({ content: "part" }));
      setTimeout(() => response.socket?.write("not a chunk\r\n"), 30);
    },
  };
  test.each(Object.entries(afterContent))(
    "whose stream %s after content: an error event, no [DONE], and no end as of a whole answer",
    async (_name, script) => {
      const live = await startLive({ upstreams: 2, route: "    timeouts: { idle: 300ms }" });
      const [a, b] = both(live);
      a.next(script);
      const caller = await streamed(live);
      expect(caller.received).toContain("part");
      expect(caller.received).toMatch(/data: \{"error":\{"message":"[^"]+","type":"[a-z_]+","param":null,"code":"[a-z_]+"\}\}/);
      expect(caller.received).not.toContain("[DONE]");
      expect(isWhole(caller)).toBe(false);
      expect(b.seen).toHaveLength(0);
      await until(() => a.seen.every(({ closedMs }) => closedMs !== null) || _name.startsWith("ends") || _name.startsWith("says"));
    },
  );
});

describe("the only one", () => {
  test("fails a hundred times: it is called at most eight times, and again as soon as its rest is over and it is well", async () => {
    const live = await startLive({ deployment: ", breaker: { open: 500ms, growth: 1 }", route: "    queue: { wait: 0s }" });
    const [a] = live.upstreams;
    if (a === undefined) throw new Error("an upstream");
    a.otherwise = errorAnswer(500, "boom");
    const statuses = await askInTurn(live, 100);
    expect(statuses.filter((status) => status === 502 || status === 503)).toHaveLength(100);
    expect(a.seen.length).toBeLessThanOrEqual(8);
    a.otherwise = chatAnswer("well again");
    const before = a.seen.length;
    await pause(550);
    expect(allServed(await askInTurn(live, 5))).toBe(true);
    expect(a.seen.length - before).toBe(5);
  });
});

test("fifty callers that leave, streamed and plain: every provider's connection is closed", async () => {
  const live = await startLive();
  const [a] = live.upstreams;
  if (a === undefined) throw new Error("an upstream");
  for (const stream of [true, false]) {
    a.otherwise = stream ? wordStream(["one", "two"], { end: "hang" }) : hang;
    const before = a.seen.length;
    const callers = Array.from({ length: 50 }, () => new RawCaller(live.running.url).write(chatRequest(stream ? { stream } : {})));
    await until(() => a.seen.length === before + 50 && callers.every(({ received }) => !stream || received.includes("two")));
    for (const { socket } of callers) socket.destroy();
    await until(() => a.seen.slice(before).every(({ closedMs }) => closedMs !== null));
  }
});
