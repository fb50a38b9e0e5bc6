import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import OpenAI from "openai";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../support/loop-time.ts";
import { projectRoot } from "../support/project-root.ts";
import { chatAnswer, errorAnswer, type Script, ScriptedUpstream } from "../support/scripted-upstream.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** A provider that lists two models and answers chats. */
async function provider(answer: Script = chatAnswer("hello")): Promise<ScriptedUpstream> {
  const upstream = await ScriptedUpstream.start();
  onTestFinished(async () => upstream.stop());
  upstream.otherwise = (response, seen) => {
    if (seen.path !== "/v1/models") answer(response, seen);
    else {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ object: "list", data: [{ id: "gpt-small" }, { id: "gpt-large" }, { id: "not usable" }] }));
    }
  };
  return upstream;
}

interface Ran {
  readonly status: number | null;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<number | null>;
}

function run(args: readonly string[], env: Readonly<Record<string, string>>, folder: string): Ran {
  const { PATH = "", HOME = "", NODE_COMPILE_CACHE = "" } = process.env;
  const child = spawn(path.join(projectRoot, "headgate"), args, {
    cwd: folder,
    env: { PATH, HOME, NODE_COMPILE_CACHE, LOG_LEVEL: "silent", PORT: "0", METRICS_PORT: "0", ...env },
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status: null, stdout: () => stdout, stderr: () => stderr, ended };
}

test("init writes a configuration from the keys, serve runs it, smoke tries it; no key stands anywhere", async () => {
  const upstream = await provider();
  const folder = temporaryFolder({});
  const env = { OPENAI_API_KEY: "sk-first-minute-key", OPENAI_BASE_URL: `${upstream.origin}/v1` };
  const init = run(["init", "--json"], env, folder);
  expect(await init.ended).toBe(0);
  expect(JSON.parse(init.stdout())).toMatchObject({ models: [{ provider: "openai", model: "gpt-large" }, { model: "gpt-small" }] });
  const file = path.join(folder, "headgate.yaml");
  const written = readFileSync(file, "utf8");
  expect(written).toContain("${OPENAI_API_KEY}");
  expect(written).not.toContain("sk-first-minute-key");
  const again = run(["init"], env, folder);
  expect(await again.ended).toBe(2);
  expect(again.stderr()).toContain("--force");
  const nowhere = run(["init", "no/such/folder.yaml"], env, folder);
  expect(await nowhere.ended).toBe(2);
  expect(nowhere.stderr()).toContain("cannot be written (ENOENT)");

  const smoke = run(["config", "smoke", "-c", "headgate.yaml"], env, folder);
  expect(await smoke.ended).toBe(0);
  expect(smoke.stdout()).toMatch(/ok {3}openai\/gpt-large .* answered in \d+ ms, 11 tokens in, 3 out/);
  expect(upstream.seen.filter(({ path: at }) => at === "/v1/chat/completions")).toHaveLength(2);
});

test("smoke takes the usual file, asks models that embed for an embedding, and leaves out what does neither", async () => {
  const upstream = await provider();
  upstream.otherwise = (response, { path: at }) => {
    response.setHeader("content-type", "application/json");
    const usage = { prompt_tokens: 1, total_tokens: 1 };
    response.end(JSON.stringify(at === "/v1/embeddings" ? { object: "list", data: [{ object: "embedding", index: 0, embedding: [0] }], usage } : {}));
  };
  const of = (model: string): string => `  ${model}: { provider: openai, model: ${model}, endpoints: ["${upstream.origin}"] }\n`;
  const yaml = `deployments:\n${of("text-embedding-3-small")}${of("whisper-1")}routes: { chat: { deployments: [text-embedding-3-small, whisper-1] } }\n`;
  const smoke = run(["config", "smoke"], {}, temporaryFolder({ "headgate.yaml": yaml }));
  expect([await smoke.ended, smoke.stderr()]).toEqual([0, ""]);
  expect(smoke.stdout()).toMatch(/^ok {3}text-embedding-3-small .* answered in \d+ ms.*\nskip whisper-1 .*not asked: /);
  expect(upstream.seen.map(({ path: at }) => at)).toEqual(["/v1/embeddings"]);
});

test("smoke tells which deployment does not answer, and why, without its key", async () => {
  const upstream = await provider(errorAnswer(401, "Incorrect API key provided: sk-first-minute-key"));
  const env = { OPENAI_API_KEY: "sk-first-minute-key" };
  const yaml = `deployments: { one: { provider: openai, model: m, endpoints: ["${upstream.origin}"], key: "\${OPENAI_API_KEY}" } }\nroutes: { chat: { deployments: [one] } }\n`;
  const smoke = run(["config", "smoke", "-c", "headgate.yaml"], env, temporaryFolder({ "headgate.yaml": yaml }));
  expect(await smoke.ended).toBe(1);
  expect(smoke.stdout()).toMatch(/^FAIL one .*unauthorised \(401\): Incorrect API key provided: \[redacted\]/);
});

test("serve without a file takes the providers whose keys are in the environment, and says what is reachable, unpriced and off", async () => {
  const upstream = await provider();
  const folder = temporaryFolder({});
  const env = {
    OPENAI_API_KEY: "sk-first-minute-key",
    OPENAI_BASE_URL: upstream.origin,
    ANTHROPIC_API_KEY: "sk-ant-x",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
    ANTHROPIC_MODEL: "claude-x",
  };
  const served = run(["serve", "--json"], env, folder);
  await until(() => served.stdout().includes("\n") && served.stderr().includes("off:"), 20_000);
  const { url, routes } = JSON.parse(served.stdout()) as { url: string; routes: string[] };
  expect(routes).toEqual(["gpt-large", "gpt-small", "claude-x"]);
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "anything", maxRetries: 0 });
  const answer = await client.chat.completions.create({ model: "gpt-small", messages: [{ role: "user", content: "hi" }] });
  expect(answer.choices[0]?.message.content).toBe("hello");
  expect(served.stderr()).toContain(`${upstream.origin}: reachable in `);
  expect(served.stderr()).toContain("http://127.0.0.1:9: not reachable (ECONNREFUSED)");
  expect(served.stderr()).toContain("prices: unknown for openai/gpt-large, openai/gpt-small, anthropic/claude-x");
  expect(served.stderr()).toContain("callers' keys (whoever reaches the port may call)");
  expect(served.stderr() + served.stdout()).not.toContain("sk-first-minute-key");
});

test("a port that is none is told, not left out", async () => {
  const ran = run(["serve"], { OPENAI_API_KEY: "k", OPENAI_MODEL: "m", PORT: "808O" }, temporaryFolder({}));
  expect(await ran.ended).toBe(2);
  expect(ran.stderr()).toContain('environment: PORT: "808O" is no port');
});

test("without a file and without a key it says what to set", async () => {
  const ran = run(["serve"], {}, temporaryFolder({}));
  expect(await ran.ended).toBe(2);
  expect(ran.stderr()).toContain("no provider's key is in the environment");
  expect(ran.stderr()).toContain("OPENAI_API_KEY");
});
