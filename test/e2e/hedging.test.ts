import { expect, test } from "vitest";
import { startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { wordStream } from "../support/scripted-upstream.ts";

const hedged = "    strategy: weighted\n    hedge: { quantile: 0.9, delayMin: 30ms, percent: 100 }";
const ask = { model: "chat", stream: true as const, messages: [{ role: "user" as const, content: "hi" }] };

test("a stream that hangs is tried at another provider: the caller gets that one's words, whole and alone, and is charged for both", async () => {
  const { client, upstreams, recorded, running } = await startLive({ upstreams: 2, route: hedged });
  const [one, two] = upstreams;
  if (one === undefined || two === undefined) throw new Error("two upstreams");
  one.otherwise = wordStream(["first", "one"]);
  two.otherwise = wordStream(["from", "the", "second"]);
  // Enough to know what is usual.
  for (let round = 0; round < 24; round += 1) for await (const chunk of await client.chat.completions.create(ask)) void chunk;
  expect(two.seen.length).toBeLessThan(6);
  const before = two.seen.length;

  one.next(wordStream([], { end: "hang" }));
  const response = await fetch(`${running.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(ask) });
  expect(response.headers.get("x-headgate-deployment")).toBe("two");
  expect(response.headers.get("x-headgate-attempts")).toBe("2");
  const text = await response.text();
  const words = [...text.matchAll(/"content":"(\w+)"/g)].map(([, word]) => word);
  expect(words).toEqual(["from", "the", "second"]);
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  expect(two.seen.length).toBe(before + 1);
  await until(() => one.seen.at(-1)?.closedMs !== null);

  const commands = recorded.flatMap((entry) => ("command" in entry ? [entry.command] : []));
  const lost = commands.filter((command) => command.kind === "abort-attempt" && command.why === "hedge-lost");
  expect(lost.length).toBeGreaterThanOrEqual(1);
  const finish = commands.findLast((command) => command.kind === "finish-request");
  expect(finish).toMatchObject({ result: { kind: "served" }, account: { attempts: 2, estimated: true } });
});
