import { expect, test } from "vitest";
import type { CompiledConfig } from "../../router/core/compiled-config.ts";
import type { JournalRecord } from "../../router/core/journal/segment.ts";
import { RouterInvariants } from "../../simulator/core/invariant/router-invariants.ts";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { readSegments, replayed } from "../support/replayed.ts";
import { chatAnswer, errorAnswer, type Script, wordStream } from "../support/scripted-upstream.ts";

const messages = [{ role: "user" as const, content: "say hello" }];

/** Served, refused, cut, slow, and silent ones, by turns. */
const turns: readonly Script[] = [
  wordStream(["a", "b", "c"], { gapMs: 2 }),
  errorAnswer(500, "boom"),
  wordStream(["half"], { end: "cut" }),
  errorAnswer(429, "slow down", { "retry-after-ms": "20" }),
  chatAnswer("plain"),
  wordStream(["x", "y"], { end: "hang" }),
  errorAnswer(503, "busy"),
  () => undefined,
];

test("two drivers, one truth: the journal of a live run, segment by segment, fed to a fresh core, gives the same commands", async () => {
  const route = "    timeouts: { firstToken: 60ms, idle: 80ms, total: 200ms }\n    retry: { backoff: { base: 5ms, max: 20ms }, budget: { percent: 100 } }";
  const live = await startLive({ upstreams: 3, route, journalSegmentBytes: 32_768, more: "breaker: { failures: 3, open: 50ms, probes: 1 }" });
  let turn = 0;
  for (const upstream of live.upstreams) {
    upstream.otherwise = (response, seen) => {
      const script = turns[turn++ % turns.length];
      script?.(response, seen);
    };
  }
  const asked: Promise<unknown>[] = [];
  for (let place = 0; place < 80; place++) {
    const controller = new AbortController();
    const request = { model: "chat", messages, stream: place % 2 === 0 };
    const answer = live.client.chat.completions.create(request, { signal: controller.signal }).then(async (result) => {
      if (Symbol.asyncIterator in result) for await (const _chunk of result);
    });
    asked.push(answer.catch(() => undefined));
    if (place % 7 === 0) setTimeout(() => controller.abort(), 15);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  await Promise.all(asked);
  const finished = () => live.recorded.filter((entry) => entry.kind === "command" && entry.command.kind === "finish-request").length;
  await until(() => finished() === arrivals(live.recorded));

  await live.running.stop(100);
  await live.journal.close();
  const segments = readSegments(live.journalFolder);
  expect(segments.length).toBeGreaterThan(1);
  const lines = segments.flatMap(({ records }) => records);
  // What came of deadlines before the first input (probes) is in the first segment's snapshot.
  expect(lines).toEqual(live.recorded.slice(live.recorded.findIndex(({ kind }) => kind === "event")));

  const kinds = new Set(lines.map((line) => (line.kind === "command" ? line.command.kind : line.kind)));
  expect(kinds).toContain("breaker-changed");
  expect(kinds).toContain("abort-attempt");
  expect(violations(live.config, lines)).toEqual([]);
  expect(replayed(live.journalFolder).map(({ torn, difference }) => ({ torn, difference }))).toEqual(segments.map(() => ({ torn: null, difference: null })));
});

function arrivals(lines: readonly JournalRecord[]): number {
  return lines.filter((line) => line.kind === "event" && line.event.kind === "request-arrived").length;
}

/** The live run, judged by the checkers of the simulated ones; nothing may be open at its end. */
function violations(config: CompiledConfig, lines: readonly JournalRecord[]): readonly unknown[] {
  const invariants = new RouterInvariants(config);
  for (const line of lines) {
    if (line.kind === "event") invariants.event(line.event, line.at);
    else if (line.kind === "command") invariants.command(line.command, line.at);
  }
  return invariants.finished();
}
