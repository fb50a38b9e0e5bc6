import { describe, expect, test } from "vitest";
import { seconds } from "../../../../router/core/time.ts";
import { scanBody } from "../../../../router/providers/body-scan.ts";
import type { Dialect } from "../../../../router/providers/provider-adapter.ts";
import { adapterFor } from "../../../../router/providers/registry.ts";
import { Attempt, type AttemptEnding } from "../../../../router/upstream/attempt.ts";
import { UpstreamLane } from "../../../../router/upstream/upstream-lane.ts";
import type { UpstreamHandler, UpstreamTransport } from "../../../../router/upstream/upstream-transport.ts";
import { delta, doneEvent } from "../../../support/scripted-upstream.ts";

/** The handler of the one call, to be told by the test what the provider says. */
function startAttempt(
  dialect: Dialect,
  body: string,
  onFirstContent: (attempt: Attempt) => void,
): { handler: UpstreamHandler | null; endings: AttemptEnding[] } {
  const scan = scanBody(Buffer.from(body));
  if (scan.kind !== "scanned") throw new Error("the test's own body");
  const told: { handler: UpstreamHandler | null; endings: AttemptEnding[] } = { handler: null, endings: [] };
  const transport: UpstreamTransport = {
    send: (_request, handler) => {
      told.handler = handler;
      return { sent: true, pause: () => undefined, resume: () => undefined, linger: () => undefined, abort: () => undefined };
    },
    close: () => undefined,
  };
  const limits = { connect: seconds(1), firstToken: seconds(1), idle: seconds(1), total: seconds(1) };
  const target = { origin: "http://127.0.0.1:1", basePath: "", model: "m", apiVersion: null, project: null, location: null };
  const attempt = new Attempt(
    {
      lane: new UpstreamLane(adapterFor("vllm"), target, null),
      request: { dialect, scan: scan.scan, headers: [], passed: null },
      limits,
      inputTokens: 1,
    },
    { onBytes: () => undefined, onReadOver: () => undefined, onFirstContent: () => onFirstContent(attempt), onEnded: (ending) => told.endings.push(ending) },
  );
  attempt.start(transport);
  return told;
}

describe("an attempt ends once", () => {
  test("when it is given up for its first token, and the rest of the stream lies in the same read", () => {
    const { handler, endings } = startAttempt("openai-chat", '{"model":"chat","messages":[],"stream":true}', (attempt) => attempt.abort());
    handler?.onHead({ status: 200, contentType: "text/event-stream", headers: {} });
    handler?.onData(Buffer.from(delta({ content: "late" }) + delta({}, "stop") + doneEvent));
    handler?.onEnd();
    expect(endings.map(({ outcome }) => outcome.kind)).toEqual(["aborted"]);
  });

  test("as the caller's mistake, when a body turns out to be no JSON deep inside", () => {
    const { handler, endings } = startAttempt(
      "anthropic-messages",
      String.raw`{"model":"chat","max_tokens":5,"messages":[{"role":"user","content":"\u00"}]}`,
      () => undefined,
    );
    expect(handler).toBeNull();
    expect(endings.map(({ outcome }) => outcome.failure)).toEqual(["bad-request"]);
  });
});
