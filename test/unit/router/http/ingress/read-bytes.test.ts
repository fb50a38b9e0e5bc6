import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { readByBuffer, readBytes } from "../../../../../router/http/ingress/read-bytes.ts";
import { until } from "../../../../support/loop-time.ts";

async function pairOfSockets(): Promise<{ readonly caller: Socket; readonly accepted: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const caller = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => {
    caller.destroy();
    accepted.destroy();
    server.close();
  });
  return { caller, accepted };
}

test("in this Node the way by one buffer is open: the dearer one is for another Node", async () => {
  const { accepted } = await pairOfSockets();
  expect(readByBuffer(accepted, () => undefined)).not.toBeNull();
});

test("each piece is a copy, pauses hold, the end is told, and after the stop the bytes are the stream's", async () => {
  const { caller, accepted } = await pairOfSockets();
  const pieces: Buffer[] = [];
  const stop = readBytes(accepted, (bytes) => pieces.push(bytes));
  caller.write("one");
  await until(() => pieces.length === 1);
  caller.write("two");
  await until(() => pieces.length === 2);
  expect(pieces.map(String)).toEqual(["one", "two"]);
  accepted.pause();
  caller.write("three");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(pieces).toHaveLength(2);
  accepted.resume();
  await until(() => pieces.length === 3);
  stop();
  let rest = "";
  accepted.on("data", (data: Buffer) => (rest += data.toString()));
  const ended = once(accepted, "end");
  caller.end("four");
  await ended;
  expect(rest).toBe("four");
  expect(pieces).toHaveLength(3);
});

test("where there is no such way, the bytes come by events", () => {
  const stream = new PassThrough();
  const pieces: Buffer[] = [];
  const stop = readBytes(stream as unknown as Socket, (bytes) => pieces.push(bytes));
  stream.write("one");
  stop();
  expect(pieces.map(String)).toEqual(["one"]);
  expect(stream.listenerCount("data")).toBe(0);
});
