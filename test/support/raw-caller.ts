import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { until } from "./loop-time.ts";

/** A caller that writes whatever bytes it likes. */
export class RawCaller {
  readonly socket: Socket;
  received = "";
  /** The other side has ended or broken off the connection. */
  closed = false;

  constructor(url: string) {
    this.socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), noDelay: true });
    this.socket.on("data", (data: Buffer) => (this.received += data.toString("latin1")));
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => (this.closed = true));
    onTestFinished(() => {
      this.socket.destroy();
    });
  }

  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  /** The body of the first answer, which is JSON. */
  get json(): { readonly error?: { readonly code?: string; readonly type?: string } } {
    return JSON.parse(this.received.slice(this.received.indexOf("\r\n\r\n") + 4)) as never;
  }

  write(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  async answered(limitMs = 3000): Promise<void> {
    await until(() => this.received.includes("\r\n\r\n") && this.received.length > 0, limitMs);
  }

  async end(limitMs = 3000): Promise<void> {
    await until(() => this.closed, limitMs);
  }
}

/** A chat request as bytes. */
export function chatRequest(fields: Readonly<Record<string, unknown>> = {}, headers: readonly string[] = []): string {
  const body = JSON.stringify({ model: "chat", messages: [{ role: "user", content: "hello" }], ...fields });
  const lines = [
    "POST /v1/chat/completions HTTP/1.1",
    "host: headgate",
    "content-type: application/json",
    ...headers,
    `content-length: ${body.length}`,
    "",
    body,
  ];
  return lines.join("\r\n");
}
