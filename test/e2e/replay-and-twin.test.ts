import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** 40 requests in about eight seconds; one replica is down for two of them. Steps are short, so that answers are. */
const scenario = `
trace: { format: azure, file: ${path.join(projectRoot, "fixtures/traces/demo.csv")}, relativeTo: working-directory, rows: 40, speed: 2 }
config:
  deployments:
    pool: { provider: vllm, model: llama, endpoints: [http://127.0.0.1:9101, http://127.0.0.1:9102], weight: 1, context: 16384, price: { input: 0.10, output: 0.35 } }
    cloud: { provider: openai-compatible, model: gpt, endpoints: [http://127.0.0.1:9103], weight: 1, context: 128000, price: { input: 0.15, output: 0.60 } }
  breaker: { failures: 3, open: 1500ms, probes: 1 }
  routes: { chat: { strategy: weighted, deployments: [pool, cloud] } }
fleet:
  pool: { kind: vllm, engine: { blocks: 4200, stepTime: { perStepUs: 8000, perPrefillTokenUs: 60 } } }
  cloud: { kind: hosted, firstToken: { p50: 200ms, p95: 300ms }, perToken: { p50: 3ms, p95: 5ms } }
faults:
  - { target: pool/0, kind: down, at: 2s, for: 2s }
targets:
  servedPercent: { min: 50 }
`;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; firstLine: Promise<string>; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [path.join(projectRoot, "headgate.ts"), ...args], {
    cwd: projectRoot,
    env: { ...process.env, LOG_LEVEL: "silent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let stdout = "";
  let stderr = "";
  const firstLine = new Promise<string>((resolve) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout.includes("\n")) resolve(stdout.split("\n")[0] ?? "");
    });
  });
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, "close").then(([status]): Ended => ({ status: status as number | null, stdout, stderr }));
  return { child, firstLine, ended };
}

const fileOf = (text: string): string => path.join(temporaryFolder({ "short.yaml": text }), "short.yaml");
const leftBehind = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("headgate-twin-"));

describe("headgate mock and headgate replay", () => {
  test("a replay against one replica of the mock: every request served, latencies from the scheduled time, a verdict", async () => {
    const file = fileOf(scenario.replace(/faults:\n.*\n/, ""));
    const mock = start(["mock", file, "--ports", "ephemeral"]);
    const origins = JSON.parse(await mock.firstLine) as { pool: string[]; cloud: string[] };
    expect([origins.pool.length, origins.cloud.length]).toEqual([2, 1]);
    const { status, stdout } = await start(["replay", file, "--target", origins.cloud[0] ?? "", "--model", "gpt", "--json", "--out", temporaryFolder({})])
      .ended;
    const result = JSON.parse(stdout) as { verdict: string; provenance: object; summary: { requests: object; ttftMs: { p50: number } }; replay: object };
    expect(result.provenance).toMatchObject({ clock: "replayed", arrivals: { rows: 40, speed: 2 } });
    expect(result.summary.requests).toMatchObject({ scheduled: 40, served: 40 });
    expect(result.summary.ttftMs.p50).toBeGreaterThan(150);
    expect(result.replay).toMatchObject({ countedBy: "answers", validity: { unsent: 0 } });
    expect(status).toBe(result.verdict === "pass" ? 0 : 3);
    mock.child.kill("SIGTERM");
    const ended = await mock.ended;
    expect(ended.status).toBe(0);
    expect(JSON.parse(ended.stdout.trim().split("\n")[1] ?? "")).toMatchObject({ lateness: { p50Ms: expect.any(Number) as number } });
  });

  test("Ctrl-C: what there is, as invalid, exit code 3", async () => {
    // Never answers: the first call says that the replay is under way, however long it took to start.
    const silent = createServer();
    const called = once(silent, "request");
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const target = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const replay = start(["replay", fileOf(scenario), "--target", target, "--json", "--out", temporaryFolder({})]);
    await called;
    replay.child.kill("SIGINT");
    const { status, stdout } = await replay.ended;
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "invalid", replay: { validity: { valid: false } } });
    silent.closeAllConnections();
    silent.close();
  });

  test("bad usage: exit code 2, with what to do", async () => {
    const file = fileOf(scenario);
    const usages = [
      ["replay", file, "--target", "nowhere"],
      ["replay", file, "--target", "http://127.0.0.1:1", "--key-env", "HEADGATE_NO_SUCH"],
      ["replay", file, "--target", "http://127.0.0.1:1"],
      ["mock", file, "--ports", "some"],
      ["mock", file, "--seed", "x"],
      ["mock", fileOf(scenario.replaceAll("http://127.0.0.1:9103", "https://api.example.com"))],
      ["twin", "nothing.yaml"],
    ];
    const ended = await Promise.all(usages.map(async (args) => start(args).ended));
    expect(ended.map(({ status }) => status)).toEqual(usages.map(() => 2));
    for (const { stderr } of ended) expect(stderr).toMatch(/fix: |is invalid\. give/);
  });
});

interface TwinResult {
  readonly verdict: "pass" | "fail" | "invalid";
  readonly metrics: readonly { readonly name: string; readonly simulated: number; readonly live: number; readonly within: boolean }[];
  readonly control: { readonly metrics: readonly unknown[] } | null;
}

describe("headgate twin", () => {
  test("both columns, the same counts and cost on both clocks, and nothing left behind", async () => {
    const before = leftBehind();
    const { status, stdout, stderr } = await start(["twin", fileOf(scenario), "--json"]).ended;
    const result = JSON.parse(stdout) as TwinResult;
    const names = [
      "ttftP50Ms",
      "ttftP95Ms",
      "e2eP50Ms",
      "e2eP95Ms",
      "breakerOpenings",
      "retries",
      "costDollars",
      "requests",
      "served",
      "cut",
      "failed",
      "rejected",
    ];
    expect(result.metrics.map(({ name }) => name)).toEqual(names);
    expect(stderr).toContain("simulated 40 requests");
    expect({ pass: 0, fail: 1, invalid: 3 }[result.verdict]).toBe(status);
    // Latencies are the machine's too, and other tests may be at work on it; what is counted is not.
    const missed = result.metrics.filter(({ name, within }) => !within && ["requests", "served", "cut", "failed", "rejected", "retries"].includes(name));
    expect(missed).toEqual([]);
    expect(leftBehind()).toEqual(before);
  });

  test("Ctrl-C ends mock and router too", async () => {
    const twin = start(["twin", fileOf(scenario), "--json"]);
    await new Promise<void>((resolve) => twin.child.stderr?.on("data", (chunk: Buffer) => chunk.toString().includes("are up") && resolve()));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const own = childrenOf(twin.child.pid ?? -1);
    expect(own).toHaveLength(2);
    twin.child.kill("SIGINT");
    const { status, stdout } = await twin.ended;
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "invalid" });
    expect(own.filter(isAlive)).toEqual([]);
  });

  test("a child that dies is an internal error that shows what it said, and the other one is ended", async () => {
    const twin = start(["twin", fileOf(scenario), "--json"]);
    await new Promise<void>((resolve) => twin.child.stderr?.on("data", (chunk: Buffer) => chunk.toString().includes("are up") && resolve()));
    const own = childrenOf(twin.child.pid ?? -1);
    process.kill(own[0] ?? -1, "SIGKILL");
    const { status, stderr } = await twin.ended;
    expect(status).toBe(4);
    expect(stderr).toMatch(/headgate (mock|serve) ended early \(SIGKILL\); it said:\n.*listening/s);
    expect(own.filter(isAlive)).toEqual([]);
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
