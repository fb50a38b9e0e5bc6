import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
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
  writeFileSync(path.join(folder, "metrics.yaml"), configOf("http://127.0.0.1:1").replace("metrics: { port: 0 }", `metrics: { port: ${port} }`));
  // Its probes have begun by then: nothing of them may keep the process.
  const takenByMetrics = run("-c", "metrics.yaml");
  expect(takenByMetrics.status).toBe(2);
  expect(takenByMetrics.stderr).toContain(`metrics: cannot listen on 127.0.0.1:${port} (EADDRINUSE)`);
  expect(run("-c", "nothing.yaml").status).toBe(2);
  expect(run("-c", "good.yaml", "--journal", "good.yaml").status).toBe(2);
  expect(run("-c", "good.yaml", "--seed", "x").status).toBe(2);
  const loud = spawnSync(launcher, ["serve", "-c", "good.yaml"], {
    cwd: folder,
    encoding: "utf8",
    timeout: 20_000,
    env: { ...process.env, LOG_LEVEL: "Debgu" },
  });
  expect([loud.status, loud.stderr]).toEqual([2, expect.stringContaining('LOG_LEVEL: "Debgu" is no level\n  fix: did you mean "debug"?')]);
});

test("serve: a probe that hangs keeps nobody waiting at the end", async () => {
  const upstream = await ScriptedUpstream.start();
  onTestFinished(async () => upstream.stop());
  upstream.health = null;
  const config = configOf(upstream.origin).replace('"] }', '"], probe: { every: 100ms, timeout: 1h } }');
  const served = await serve([], temporaryFolder({ "headgate.yaml": config }));
  await expect.poll(() => upstream.probes, { timeout: 10_000 }).toBeGreaterThan(0);
  served.child.kill("SIGTERM");
  expect(await once(served.child, "exit")).toEqual([0, null]);
});

test("serve: SIGHUP puts the file in force for new requests, and leaves everything as it is where the file is wrong", async () => {
  const before = await ScriptedUpstream.start();
  const after = await ScriptedUpstream.start();
  onTestFinished(async () => Promise.all([before.stop(), after.stop()]).then(() => undefined));
  const folder = temporaryFolder({ "headgate.yaml": configOf(before.origin) });
  const served = await serve(["--journal", "journal", "--seed", "3"], folder);
  const file = path.join(folder, "headgate.yaml");
  const reload = async (text: string, said: string): Promise<void> => {
    writeFileSync(file, text);
    served.child.kill("SIGHUP");
    await expect.poll(served.stderr, { timeout: 10_000 }).toContain(said);
  };
  before.next(wordStream(["a ", "b ", "c ", "d"], { gapMs: 200 }));
  const stream = await post(served.url, true);
  const next = configOf(after.origin).replace("routes: { chat", "routes: { talk: { deployments: [one] }, chat");
  await reload(next, "is in force");
  expect((await post(served.url, false)).status).toBe(200);
  expect([before.seen.length, after.seen.length]).toEqual([1, 1]);
  // Begun under the old version, it ends there.
  expect(await stream.text()).toContain("[DONE]");
  await expect.poll(served.stderr).toContain("configuration_retired");
  const models = (await (await fetch(`${served.url}/v1/models`)).json()) as { data: readonly { id: string }[] };
  // What was there keeps its id.
  expect(models.data.map(({ id }) => id)).toEqual(["chat", "talk"]);
  await reload(`${next}\ncors: { origins: ["https://app.example"] }\n`, "changes of cors take effect with the next start");
  await reload(`${next}\nstate: { folder: s }\nsignals: { every: 2s }\nhere: { zone: a }\n`, "changes of state, signals, here take effect with the next start");
  await reload(configOf(after.origin).replace("chat: {", 'chat: { aliases: ["gpt-*"],'), "version");
  await expect
    .poll(async () => ((await (await fetch(`${served.url}/v1/models`)).json()) as { data: readonly { id: string }[] }).data.map(({ id }) => id))
    .toEqual(["chat"]);
  await reload(next.replace("deployments: [one]", "deployments: [two]"), "the configuration stays as it was");
  expect(served.stderr()).toContain('there is no deployment "two"');
  expect((await post(served.url, false)).status).toBe(200);
  const metrics = await (await fetch(served.metricsUrl)).text();
  expect(metrics).toContain('router_requests_total{route="chat",provider="vllm",deployment="one",result="served"} 3');
  served.child.kill("SIGTERM");
  await once(served.child, "exit");
  expect(replayed(path.join(folder, "journal")).map(({ difference }) => difference)).toEqual([null]);
});
