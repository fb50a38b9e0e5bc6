import path from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { loadConfig } from "../../../../router/config/load-config.ts";
import { Router } from "../../../../router/core/router.ts";
import { type Exchange, type ExchangeWatcher, noWatcher } from "../../../../router/http/ingress/exchange.ts";
import { handleModelCall } from "../../../../router/http/model-route.ts";
import { RouterService } from "../../../../router/http/router-service.ts";
import type { DecisionLog } from "../../../../router/telemetry/decision-log.ts";
import type { UpstreamTransport } from "../../../../router/upstream/upstream-transport.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const config = `
deployments:
  a: { provider: openai-compatible, model: m, endpoints: ["http://127.0.0.1:1"], price: { input: 1, output: 2 } }
routes:
  chat: { deployments: [a] }
`;
const body = Buffer.from('{"model":"chat","messages":[{"role":"user","content":"hi"}]}');

/** A caller whose request is whole, and who can leave. */
class Caller implements Exchange {
  readonly method = "POST";
  readonly target = "/v1/chat/completions";
  readonly headers = new Map<string, string>();
  #watcher: ExchangeWatcher = noWatcher;

  leave(): void {
    this.#watcher.onClosed();
  }

  receiveBody(_bytesMax: number, whole: (body: Buffer) => void): void {
    whole(body);
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watcher = watcher;
  }

  discardBody(): void {}
  addHeaders(): void {}
  answer(): void {}
  beginStream(): void {}
  writeStream(): boolean {
    return true;
  }
  endStream(): void {}
  cutStream(): void {}
  destroy(): void {}
}

test("when callers leave, the connections to providers are closed at once, of all who leave together, and their requests are booked and logged afterwards", async () => {
  const seen: string[] = [];
  const folder = temporaryFolder({ "headgate.yaml": config });
  const { compiled, service: spec } = loadConfig(path.join(folder, "headgate.yaml"), {});
  const log: DecisionLog = {
    logger: pino({ level: "silent" }),
    takesDecisions: true,
    decision: (line) => void seen.push(`line: ${(JSON.parse(line.toString()) as { result: string }).result}`),
    dropped: () => 0,
    flush: async () => Promise.resolve(),
  };
  const transport: UpstreamTransport = {
    send: () => ({ sent: true, pause: () => undefined, resume: () => undefined, linger: () => undefined, abort: () => void seen.push("closed") }),
    close: () => undefined,
  };
  const service = new RouterService({ compiled, spec, core: new Router(compiled, { seed: 1, explain: true }), transport, log });
  const surface = { service, config: compiled, routes: service.routes, bodyBytesMax: 1000 };
  const callers = Array.from({ length: 3 }, () => new Caller());
  for (const caller of callers) handleModelCall(surface, "openai-chat", caller);

  for (const caller of callers) caller.leave();
  expect(seen).toEqual(["closed", "closed", "closed"]);
  expect(await service.drain(10_000)).toBe(true);
  expect(seen).toEqual(["closed", "closed", "closed", "line: client-left", "line: client-left", "line: client-left"]);
  service.stop();
});
