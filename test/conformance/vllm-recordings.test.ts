/** What was recorded of a real vLLM 0.32 server beside its answers (abort.jsonl, keepalive.json, load_gauge.json, extras.jsonl): the same is done to the mock, and what was seen is compared. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { until } from "../support/loop-time.ts";
import { sharedFolder } from "../support/shared-folder.ts";
import { OpenCall, patienceMs, SlowMock, valueIn } from "../support/slow-mock.ts";
import { readLines } from "../support/wire-recording.ts";

const untilTrue = async (holds: () => boolean | Promise<boolean>): Promise<void> => until(holds, patienceMs);

const folder = sharedFolder();
const readJson = <Value>(file: string): Value => JSON.parse(readFileSync(path.join(folder ?? "", "calibration/vllm-wire", file), "utf8")) as Value;

/** So long that nothing ends of itself. */
const chat = (more: object = {}) => ({ model: "tiny", messages: [{ role: "user", content: "th sh" }], max_tokens: 4_000, ignore_eos: true, ...more });
const chatPath = "/v1/chat/completions";

interface Gauges {
  readonly running: number;
  readonly waiting: number;
  readonly kv: number;
  /** By reason: abort, stop, length. */
  readonly ended: readonly number[];
  readonly generated: number;
}

async function gauges(mock: SlowMock): Promise<Gauges> {
  const text = await mock.metrics();
  return {
    running: valueIn(text, "vllm:num_requests_running"),
    waiting: valueIn(text, "vllm:num_requests_waiting"),
    kv: valueIn(text, "vllm:kv_cache_usage_perc"),
    ended: ["abort", "stop", "length"].map((reason) => valueIn(text, `vllm:request_success_total{finished_reason="${reason}"}`)),
    generated: valueIn(text, "vllm:generation_tokens_total"),
  };
}

/** Milliseconds, running, waiting, d_abort, d_stop, d_length, d_generation_tokens, kv. */
type Row = readonly [number, number, number, number, number, number, number, number];
interface RecordedAbort {
  readonly case: string;
  readonly before: { readonly r: number; readonly w: number; readonly kv: number };
  readonly gauge_drop_ms: number | null;
  readonly end: Row;
}

const aborts = folder === null ? [] : readLines<RecordedAbort>(folder, "abort.jsonl");
/** In the two others the request had not begun when its client left, and nothing was seen. */
const seen = aborts.filter(({ gauge_drop_ms }) => gauge_drop_ms !== null);
const single = seen.filter(({ case: name }) => /^(?:non-)?stream, /.test(name));
const slowestMs = Math.max(...seen.map(({ gauge_drop_ms }) => gauge_drop_ms ?? 0));

const endedOf = ([, , , aborted, stopped, atLength]: Row): readonly number[] => [aborted, stopped, atLength];

describe.skipIf(folder === null)("a client that leaves", () => {
  test("all recorded cases but those in which nothing was seen are compared", () => {
    expect([aborts.length, seen.length, single.length]).toEqual([17, 15, 13]);
  });

  test.each(single.map((each) => [each.case, each] as const))("%s", async (name, { before, end }) => {
    const mock = await SlowMock.start();
    const isStream = name.startsWith("stream");
    const other = before.r === 2 ? mock.call(chatPath, chat({ stream: true })) : null;
    if (other !== null) await mock.untilMetric("vllm:num_requests_running", 1);
    const leaving = mock.call(chatPath, chat({ stream: isStream }));
    await mock.untilMetric("vllm:num_requests_running", before.r);
    if (isStream) await untilTrue(() => leaving.received.includes("content"));
    const at = await gauges(mock);
    // Prompt and answer so far lie in a block each, of 1,024, as they did there at the moment.
    if (isStream) expect(at.kv).toBe(before.kv);
    leaving.leave(name.includes("RST") ? "RST" : name.includes("half-close") ? "half-close" : "FIN");
    await mock.untilMetric("vllm:num_requests_running", before.r - 1, slowestMs);
    const after = await gauges(mock);
    expect([after.running, after.waiting]).toEqual([end[1], end[2]]);
    expect(after.ended.map((count, place) => count - (at.ended[place] ?? 0))).toEqual(endedOf(end));
    if (other === null) {
      expect(after.kv).toBe(end[7]);
      // Nobody generates for it any more.
      await untilTrue(async () => (await mock.load()) === 0);
      expect((await gauges(mock)).generated).toBe(after.generated);
    } else {
      await untilTrue(async () => (await gauges(mock)).generated > after.generated + 2);
      expect(other.endedMs).toBeNull();
    }
  });

  test("one that waits behind 64 that run, then all that are left at once", async () => {
    const [waiting, all] = ["abort of a waiting request (64 running)", "abort of all 65 at once"].map((name) => seen.find((each) => each.case === name));
    if (waiting === undefined || all === undefined) throw new Error("not recorded");
    const mock = await SlowMock.start();
    const running = Array.from({ length: waiting.before.r }, () => mock.call(chatPath, chat({ stream: true })));
    await mock.untilMetric("vllm:num_requests_running", waiting.before.r);
    const behind = Array.from({ length: waiting.before.w }, () => mock.call(chatPath, chat({ stream: true })));
    await mock.untilMetric("vllm:num_requests_waiting", waiting.before.w);
    const at = await gauges(mock);
    behind[0]?.leave("FIN");
    await mock.untilMetric("vllm:num_requests_waiting", waiting.before.w - 1, slowestMs);
    const left = await gauges(mock);
    expect([left.running, left.waiting]).toEqual([waiting.end[1], waiting.end[2]]);
    for (const call of [...running, ...behind]) call.leave("FIN");
    await untilTrue(async () => (await gauges(mock)).running + (await gauges(mock)).waiting === 0);
    const after = await gauges(mock);
    expect([after.running, after.waiting, after.kv]).toEqual([all.end[1], all.end[2], all.end[7]]);
    expect(after.ended.map((count, place) => count - (at.ended[place] ?? 0))).toEqual(endedOf(all.end));
  });
});

describe.skipIf(folder === null)("a connection that is idle", () => {
  const bytesOf: Readonly<Record<string, string>> = {
    "/health": "GET /health HTTP/1.1\r\nhost: mock\r\n\r\n",
    "/v1/models": "GET /v1/models HTTP/1.1\r\nhost: mock\r\n\r\n",
    "nothing sent": "",
    "body cut, waiting": `POST ${chatPath} HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"model":`,
  };

  test("is closed so many seconds behind its last answer, and not without one", async () => {
    const recorded = readJson<readonly (readonly [string, number | string])[]>("keepalive.json");
    const mock = await SlowMock.start();
    const calls = recorded.map(([name, closed]) => ({ name, closed, call: new OpenCall(mock.origin, bytesOf[name] ?? ""), startedMs: performance.now() }));
    const closing = calls.filter(({ closed }) => typeof closed === "number");
    expect(closing.length).toBe(3);
    await until(() => closing.every(({ call }) => call.endedMs !== null), 5_500);
    for (const { closed, call, startedMs } of closing) {
      const seconds = ((call.endedMs ?? 0) - startedMs) / 1000;
      // Late on a machine that is busy (what was waited for above is the loop's time), never early.
      expect(seconds).toBeGreaterThanOrEqual(Number(closed) - 0.05);
      expect(call.statusLine).toBe("HTTP/1.1 200 OK");
    }
    for (const { closed, call } of calls) if (typeof closed === "string") expect(call.endedMs).toBeNull();
  });
});

/** /load before it and after it, and how it was answered. */
type LoadRow = readonly [number | null, number, string | null];

describe.skipIf(folder === null)("/load", () => {
  const bodies: Readonly<Record<string, object>> = {
    "chat ok": chat({ max_tokens: 2 }),
    "chat stream ok": chat({ max_tokens: 2, stream: true }),
    "chat 404": chat({ model: "zzz" }),
    "chat 400 validation (pydantic)": chat({ messages: "no" }),
    "chat 400 (vllm)": chat({ temperature: 9 }),
    "chat 400 stream (vllm)": chat({ temperature: 9, stream: true }),
    "client abort mid-stream": chat({ stream: true }),
    "client abort non-stream": chat(),
  };
  const crowd = "12 streams + 3 rejected + 3 rejected streams, then drained";
  const recorded = folder === null ? {} : readJson<Readonly<Record<string, LoadRow>>>("load_gauge.json");

  test("all recorded cases are compared", () => {
    expect(Object.keys(recorded).toSorted()).toEqual([...Object.keys(bodies), crowd].toSorted());
  });

  test.each(Object.entries(bodies))("is back where it was behind: %s", async (name, body) => {
    const [before, after, answer] = recorded[name] ?? [null, -1, null];
    const mock = await SlowMock.start();
    expect(await mock.load()).toBe(before);
    const call = mock.call(chatPath, body);
    if (answer === "aborted") {
      await untilTrue(async () => (await mock.load()) === 1 && (await mock.metric("vllm:num_requests_running")) === 1);
      call.leave("FIN");
    } else {
      await untilTrue(() => call.received.includes("\r\n\r\n") && (call.received.includes("[DONE]") || call.received.endsWith("}")));
      expect(call.statusLine).toBe(answer);
    }
    await untilTrue(async () => (await mock.load()) === after);
  });

  test(crowd, async () => {
    const mock = await SlowMock.start({ maxNumQueuedReqs: 12 }, { sequencesMax: 4 });
    const streams = Array.from({ length: 12 }, () => mock.call(chatPath, chat({ stream: true })));
    await untilTrue(async () => (await mock.load()) === 12);
    for (const stream of [false, false, false, true, true, true]) expect((await mock.post(chatPath, chat({ stream }))).status).toBe(503);
    expect(await mock.load()).toBe(12);
    for (const call of streams) call.leave("FIN");
    await untilTrue(async () => (await mock.load()) === recorded[crowd]?.[1]);
  });
});

interface ExtraCase {
  readonly case: string;
  readonly raw?: string;
  readonly load?: string;
  readonly metrics?: readonly string[];
}

test.skipIf(folder === null)("queues with limits (--max-num-queued-reqs 12, --max-num-queued-tokens 3000), as recorded", async () => {
  const extras = readLines<ExtraCase>(folder ?? "", "extras.jsonl");
  const recorded = (name: string): ExtraCase => extras.find((each) => each.case.startsWith(name)) ?? { case: "" };
  const mock = await SlowMock.start({ maxNumQueuedReqs: 12, maxNumQueuedTokens: 3_000 }, { sequencesMax: 4, perStepUs: 1_000_000 });
  const asRecorded = async (name: string, answer: Response): Promise<void> => {
    const [head = "", body = ""] = recorded(name).raw?.split("\r\n\r\n") ?? [];
    expect([answer.status, answer.headers.get("content-type"), await answer.text()], name).toEqual([
      Number(head.split(" ")[1]),
      /content-type: ([^\r]*)/.exec(head)?.[1],
      body,
    ]);
  };
  const rejections = async (name: string): Promise<void> => {
    const text = await mock.metrics();
    for (const line of (recorded(name).metrics ?? []).filter((each) => !each.startsWith("#"))) expect(text.split("\n")).toContain(line);
  };
  const streams = Array.from({ length: 12 }, () => mock.call(chatPath, chat({ stream: true })));
  await untilTrue(async () => (await mock.load()) === 12);
  await asRecorded("13th request, --max-num-queued-reqs 12", await mock.post(chatPath, chat({ stream: true })));
  const load = recorded("13th request, --max-num-queued-reqs 12").load ?? "";
  expect(await (await fetch(`${mock.origin}/load`)).text()).toBe(load.slice(load.indexOf("\r\n\r\n") + 4));
  await rejections("13th request, --max-num-queued-reqs 12");
  await asRecorded("13th request, stream false", await mock.post(chatPath, chat()));
  for (const call of streams) call.leave("FIN");
  await untilTrue(async () => (await mock.load()) === 0);
  // Two find less than 3,000 tokens before them, three do not.
  const long = chat({ messages: [{ role: "user", content: "th ".repeat(2_901) }], stream: true });
  const crowd = Array.from({ length: 5 }, () => mock.call(chatPath, long));
  await untilTrue(() => crowd.filter(({ statusLine }) => statusLine.includes("503")).length === 3);
  const [turnedAway] = crowd.filter(({ statusLine }) => statusLine.includes("503"));
  const raw = recorded("--max-num-queued-tokens 3000").raw ?? "";
  expect(turnedAway?.received.split("\r\n\r\n")[1]).toBe(raw.split("\r\n\r\n")[1]);
  await rejections("--max-num-queued-tokens 3000");
  for (const call of crowd) call.leave("FIN");
  await untilTrue(async () => (await mock.load()) === 0);
});
