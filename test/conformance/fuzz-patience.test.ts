/** What the fuzz calls a hang: a caller who hears nothing while others are answered, or nobody is; never one whose process had no processor, and never one that is only behind in a long queue. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { callOnce } from "../support/fuzz/fuzz-caller.ts";
import type { FuzzedRequest } from "../support/fuzz/fuzz-requests.ts";

const patience = { silenceMs: 200, answered: 3, othersMs: 600 };
const odd: FuzzedRequest = { pieces: ["GET /odd HTTP/1.1\r\nhost: h\r\n\r\n"], pauseMs: 0, afterwards: "wait", isHead: false };
const answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

async function serve(onRequest: (socket: Socket, isOdd: boolean) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (data: Buffer) => onRequest(socket, data.toString("latin1").includes("/odd")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("one that is never answered, while others are", async () => {
  const port = await serve((socket, isOdd) => void (isOdd ? null : socket.end(answer)));
  expect(await callOnce(port, odd, patience)).toMatchObject({ ended: null, hang: "others that began later are answered" });
});

test("nobody is answered any more", async () => {
  const port = await serve(() => undefined);
  expect(await callOnce(port, odd, patience)).toMatchObject({ ended: null, hang: "nobody is answered" });
});

test("a process that hardly gets the processor: not a hang, though it takes many times as long on the clock", async () => {
  // Each step of the answer waits for a turn of the loop, and each turn for the processor.
  let turns = 16;
  const port = await serve((socket, isOdd) => {
    const step = (): void => {
      turns -= 1;
      if (!isOdd || turns <= 0) socket.end(answer);
      else setTimeout(step, 1);
    };
    step();
  });
  const startedMs = performance.now();
  let starving = true;
  onTestFinished(() => void (starving = false));
  const starve = (): void => {
    const untilMs = performance.now() + 120;
    while (performance.now() < untilMs);
    if (starving) setTimeout(starve, 1);
  };
  starve();
  expect(await callOnce(port, odd, patience)).toMatchObject({ ended: "end", hang: "" });
  expect(performance.now() - startedMs).toBeGreaterThan(2 * (patience.silenceMs + patience.othersMs));
});

test("one behind a long queue that all must pass: not a hang", async () => {
  const queue: Socket[] = [];
  const port = await serve((socket) => void queue.push(socket));
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
    if (ticks > 10) queue.shift()?.end(answer);
  }, 40);
  onTestFinished(() => clearInterval(timer));
  expect(await callOnce(port, odd, patience)).toMatchObject({ ended: "end", hang: "" });
});
