import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { startMockFleet } from "../../simulator/mock/mock-fleet.ts";
import type { VllmOptions } from "../../simulator/mock/vllm/vllm-options.ts";
import { HandHost } from "./hand-host.ts";
import { LoopTime, until } from "./loop-time.ts";
import { smallScenario, smallVllm } from "./small-scenario.ts";

const tickMs = 5;
/** For what is certain to come. */
export const patienceMs = 15_000;

/**
 * A mock vLLM server like the recorded ones (blocks of 32, 1,024 of them, 64 sequences at once), a step of which takes long enough to look at it meanwhile. Its time is the event
 * loop's (loop-time.ts): while a busy machine keeps the test waiting, its engine waits too.
 */
export class SlowMock {
  readonly origin: string;

  private constructor(origin: string) {
    this.origin = origin;
  }

  static async start(options: Partial<VllmOptions> = {}, engine: { readonly sequencesMax?: number; readonly perStepUs?: number } = {}): Promise<SlowMock> {
    const stepTime = { ...smallVllm.engine.stepTime, perStepUs: engine.perStepUs ?? 20_000, perPrefillTokenUs: 1, perSequenceUs: 0, perContextTokenUs: 0 };
    const own = { ...smallVllm.engine, blockTokens: 32, blocks: 1_025, sequencesMax: engine.sequencesMax ?? 64, batchedTokensMax: 2_048, stepTime };
    const scenario = smallScenario([{ name: "pool", model: "tiny", replicas: [{ ...smallVllm, engine: own } as typeof smallVllm] }]);
    const vllm = { templateTokens: { message: 6, end: 6 }, ...options };
    const host = new HandHost();
    const passed = new LoopTime();
    const timer = setInterval(() => host.advanceTo(Math.floor(passed.ms)), tickMs);
    const time = { clock: host.clock, timers: host };
    const fleet = await startMockFleet(scenario, { file: "test", seed: 1, host: "127.0.0.1", ports: "ephemeral", vllm, time });
    onTestFinished(async () => {
      await fleet.close();
      clearInterval(timer);
      passed.stop();
    });
    return new SlowMock(fleet.origins["pool"]?.[0] ?? "");
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.origin}/metrics`)).text();
  }

  /** @param series name and labels as on the page, without those of engine and model */
  async metric(series: string): Promise<number> {
    return valueIn(await this.metrics(), series);
  }

  async load(): Promise<number> {
    return ((await (await fetch(`${this.origin}/load`)).json()) as { readonly server_load: number }).server_load;
  }

  async post(path: string, body: object): Promise<Response> {
    return fetch(`${this.origin}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  /** A call on a connection of its own, for its end to be seen, or to be left. */
  call(path: string, body: object): OpenCall {
    const text = JSON.stringify(body);
    return new OpenCall(
      this.origin,
      `POST ${path} HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
  }

  async untilMetric(series: string, value: number, limitMs = patienceMs): Promise<void> {
    await until(async () => (await this.metric(series)) === value, limitMs);
  }
}

export function valueIn(text: string, series: string): number {
  const [name = "", label = ""] = series.split("{");
  const line = text.split("\n").find((each) => each.startsWith(`${name}{`) && (label === "" || each.includes(label.replace("}", ""))));
  if (line === undefined) throw new Error(`there is no ${series}`);
  return Number(line.split(" ").at(-1));
}

export class OpenCall {
  readonly socket: Socket;
  received = "";
  /** Performance.now() of the other side's end; null: it is open. */
  endedMs: number | null = null;

  constructor(origin: string, bytes: string) {
    this.socket = connect({ host: "127.0.0.1", port: Number(new URL(origin).port), noDelay: true, allowHalfOpen: true });
    this.socket.on("data", (data: Buffer) => (this.received += data.toString("utf8")));
    this.socket.on("error", () => undefined);
    this.socket.on("end", () => (this.endedMs ??= performance.now()));
    this.socket.on("close", () => (this.endedMs ??= performance.now()));
    this.socket.write(bytes);
    onTestFinished(() => void this.socket.destroy());
  }

  get statusLine(): string {
    return this.received.slice(0, this.received.indexOf("\r\n"));
  }

  leave(how: "FIN" | "RST" | "half-close"): void {
    if (how === "RST") this.socket.resetAndDestroy();
    else if (how === "FIN") this.socket.destroy();
    else this.socket.end();
  }
}
