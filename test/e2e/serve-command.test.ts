import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { projectRoot } from "../support/project-root.ts";
import { replayed } from "../support/replayed.ts";
import { ScriptedUpstream, wordStream } from "../support/scripted-upstream.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const launcher = path.join(projectRoot, "headgate");

interface Announced {
  readonly url: string;
  readonly metricsUrl: string;
}
interface Served extends Announced {
  readonly child: ChildProcess;
  readonly stderr: () => string;
}

const configOf = (origin: string, listen = "listen: { port: 0 }"): string =>
  [
    listen,
    "metrics: { port: 0 }",
    `deployments: { one: { provider: vllm, model: m, endpoints: ["${origin}"] } }`,
    "routes: { chat: { deployments: [one] } }",
    "",
  ].join("\n");

async function serve(args: readonly string[], folder: string): Promise<Served> {
  const child = spawn(launcher, ["serve", "-c", "headgate.yaml", "--json", ...args], { cwd: folder, env: { ...process.env, LOG_LEVEL: "info" } });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { ...(JSON.parse(line.toString()) as Announced), child, stderr: () => stderr };
}

const post = async (url: string, stream: boolean): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, { method: "POST", body: JSON.stringify({ model: "chat", stream, messages: [] }) });

test("serve: SIGTERM lets a stream end, exits 0, and leaves a journal that a fresh core reproduces", async () => {
  const upstream = await ScriptedUpstream.start();
  onTestFinished(async () => upstream.stop());
  const folder = temporaryFolder({ "headgate.yaml": configOf(upstream.origin) });
  const served = await serve(["--journal", "journal", "--seed", "3"], folder);
  expect((await post(served.url, false)).status).toBe(200);
  upstream.next(wordStream(["a ", "b ", "c ", "d"], { gapMs: 60 }));
  const stream = await post(served.url, true);
  served.child.kill("SIGTERM");
  expect(await stream.text()).toContain("[DONE]");
  const [code] = (await once(served.child, "exit")) as [number | null];
  expect(code).toBe(0);
  const decisions = served
    .stderr()
    .split("\n")
    .filter((line) => line.includes('"route_decision"'));
  expect(decisions).toHaveLength(2);
  expect(JSON.parse(decisions[0] ?? "")).toMatchObject({
    route: "chat",
    deployment: "one",
    result: "served",
    attempts: 1,
    stream: false,
    input_tokens: 11,
    output_tokens: 3,
  });
  const [segment, ...more] = replayed(path.join(folder, "journal"));
  expect(more).toEqual([]);
  expect(segment).toMatchObject({ torn: null, difference: null });
  expect(segment?.commands).toBeGreaterThan(4);
});

test("serve: what cannot be listened on, or written, is bad input", async () => {
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    busy.close();
  });
  const { port } = busy.address() as AddressInfo;
  const folder = temporaryFolder({ "headgate.yaml": configOf("http://127.0.0.1:1", `listen: { port: ${port} }`), "good.yaml": configOf("http://127.0.0.1:1") });
  const run = (...args: string[]) => spawnSync(launcher, ["serve", ...args], { cwd: folder, encoding: "utf8", timeout: 20_000 });
  const taken = run("-c", "headgate.yaml");
  expect(taken.status).toBe(2);
  expect(taken.stderr).toContain(`cannot listen on 127.0.0.1:${port} (EADDRINUSE)`);
  expect(run("-c", "nothing.yaml").status).toBe(2);
  expect(run("-c", "good.yaml", "--journal", "good.yaml").status).toBe(2);
  expect(run("-c", "good.yaml", "--seed", "x").status).toBe(2);
});
