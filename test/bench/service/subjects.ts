import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../../support/project-root.ts";

/** Somebody listens where the provider of this run would. */
export async function otherRun(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(mockPort, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** What is measured. `pid` null: nothing stands between the load and the mock. */
export interface Subject {
  readonly name: string;
  readonly pid: number | null;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly streamBody: string;
}

/** The port at which the peers' own configurations expect the provider. */
const mockPort = 9000;
export const loadCore = "0";
const subjectCore = "1";
const callerKey = "sk-test-0123456789abcdef";
const chatPath = "/v1/chat/completions";
const bearer = [`authorization: Bearer ${callerKey}`];

/** A peer's start as the shared rig knows it. */
interface PeerRig {
  start(name: string, options: { cpu: string }): Promise<{ pid: number; port: number; path: string; body: string; sbody: string; hdr: string[] }>;
  stop(peer: { pid: number }): Promise<void>;
}

/** Everything is started from a copy of the rig in a scratch folder; the copy is never part of the project. */
export class Subjects {
  readonly #rigFolder: string;
  readonly #scratch: string;
  readonly #children: ChildProcess[] = [];
  readonly #peers: { pid: number }[] = [];
  #rig: PeerRig | null = null;

  constructor(gatewaysFolder: string, scratch: string) {
    this.#scratch = scratch;
    this.#rigFolder = path.join(scratch, "gateways");
    cpSync(gatewaysFolder, this.#rigFolder, { recursive: true });
    spawnSync("chmod", ["-R", "u+w", this.#rigFolder]);
    mkdirSync(path.join(this.#rigFolder, "ngx"), { recursive: true });
  }

  bodyFile(name: string): string {
    return path.join(this.#rigFolder, name);
  }

  direct(): Subject {
    return { name: "direct", pid: null, port: mockPort, path: chatPath, headers: bearer, body: "body-2k.json", streamBody: "body-2k-stream.json" };
  }

  /** The provider: the cheapest one that there is in JavaScript. @param paceMs between two chunks of a stream */
  async startMock(paceMs: number): Promise<ChildProcess> {
    const env = { ...process.env, PORT: String(mockPort), PACE_MS: String(paceMs), CHUNKS: "16" };
    const mock = spawn("taskset", ["-c", loadCore, process.execPath, "mock-raw.mjs"], { cwd: this.#rigFolder, env, stdio: "ignore" });
    this.#children.push(mock);
    await answers(mockPort, "/v1/models");
    return mock;
  }

  /** Null: it is not installed here. */
  async startPeer(name: string): Promise<Subject | null> {
    if (!this.#isInstalled(name)) return null;
    this.#rig ??= (await import(pathToFileURL(path.join(this.#rigFolder, "peers.mjs")).href)) as PeerRig;
    const peer = await this.#rig.start(name, { cpu: subjectCore });
    this.#peers.push(peer);
    const headers = [...bearer, ...peer.hdr.map((line) => line.replace(":", ": "))];
    return { name, pid: peer.pid, port: peer.port, path: peer.path, headers, body: peer.body, streamBody: peer.sbody };
  }

  /** @param root of the checkout that is started */
  /** By its launcher, as users do. */
  async startHeadgate(nodeOptions: readonly string[] = [], root = projectRoot): Promise<Subject> {
    const config = path.join(this.#scratch, "headgate.yaml");
    writeFileSync(config, headgateConfig);
    const env = {
      ...process.env,
      ...(nodeOptions.length > 0 && { NODE_OPTIONS: nodeOptions.join(" ") }),
      BENCH_CALLER_KEY: callerKey,
      BENCH_PROVIDER_KEY: "sk-upstream-abcdef0123456789",
    };
    const serve = ["serve", "-c", config, "--json"];
    const child = spawn(
      "sh",
      ["-c", `exec taskset -c ${subjectCore} "$0" "$@" 2>${path.join(this.#scratch, "decisions.log")}`, path.join(root, "headgate"), ...serve],
      {
        env,
        cwd: this.#scratch,
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    this.#children.push(child);
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout?.once("data", (data: Buffer) => resolve(data.toString()));
      child.once("exit", (code) => reject(new Error(`headgate serve ended with ${code}`)));
    });
    const { url } = JSON.parse(line) as { url: string };
    const direct = this.direct();
    return { ...direct, name: root === projectRoot ? "headgate" : `headgate@${path.basename(root)}`, pid: child.pid ?? null, port: Number(new URL(url).port) };
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill();
    for (const peer of this.#peers) await this.#rig?.stop(peer);
  }

  #isInstalled(name: string): boolean {
    if (name === "nginx") return spawnSync("nginx", ["-v"]).status === 0;
    if (name.startsWith("http-")) return true;
    const folder = { smg: "v-smg/bin/smg", tensorzero: "v-tz/bin/python", "litellm-granian": "v-litellm/bin/litellm" }[name];
    return folder !== undefined && process.env["LAB"] !== undefined && existsSync(path.join(process.env["LAB"], folder));
  }
}

/** Everything on that a request can meet: callers' keys, limits of several kinds, prices, breakers, retries, metrics, the decision log. */
const headgateConfig = `
listen: { port: 0 }
metrics: { port: 0 }
deployments:
  mock:
    provider: vllm
    model: mock-model
    endpoints: ["http://127.0.0.1:${mockPort}"]
    key: "\${BENCH_PROVIDER_KEY}"
    price: { input: 0.15, output: 0.6, cachedInput: 0.075 }
    concurrency: 100000
tenants:
  bench: { keys: ["\${BENCH_CALLER_KEY}"], requestsPerMinute: 100000000, tokensPerMinute: 100000000 }
limits:
  - { budget: { dollars: 1000000, per: month } }
routes:
  mock-model: { deployments: [mock], strategy: least-busy }
`;

async function answers(port: number, at: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${at}`);
      await response.text();
      if (response.ok) return;
    } catch {
      if (performance.now() > endMs) throw new Error(`nothing answers on port ${port}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
