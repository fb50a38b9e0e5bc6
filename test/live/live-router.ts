import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { projectRoot } from "../support/project-root.ts";

/** `headgate serve` as a process of its own in front of servers that are there: each a deployment `server0`, `server1` ... */
export interface LiveRouter {
  readonly url: string;
  readonly metric: (pattern: RegExp) => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** Longest silences that a caller is made to wait for. */
const patience = { firstTokenMs: 20_000, idleMs: 8_000, totalMs: 120_000 };

export async function startLiveRouter(origins: readonly string[], model: string): Promise<LiveRouter> {
  const folder = mkdtempSync(path.join(tmpdir(), "headgate-live-"));
  writeFileSync(path.join(folder, "headgate.yaml"), configText(origins, model));
  const child = spawn(process.execPath, [path.join(projectRoot, "headgate.ts"), "serve", "-c", "headgate.yaml", "--json"], {
    cwd: folder,
    env: { ...process.env, LOG_LEVEL: "silent" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { url, metricsUrl } = JSON.parse(line.toString()) as { readonly url: string; readonly metricsUrl: string };
  return {
    url,
    metric: async (pattern) => Number(pattern.exec(await (await fetch(metricsUrl)).text())?.[1] ?? 0),
    stop: async () => {
      await ended(child);
      rmSync(folder, { recursive: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

function configText(origins: readonly string[], model: string): string {
  const names = origins.map((_, place) => `server${place}`);
  const { firstTokenMs, idleMs, totalMs } = patience;
  const timeouts = `timeouts: { firstToken: ${firstTokenMs}ms, idle: ${idleMs}ms, total: ${totalMs}ms }`;
  return [
    "listen: { port: 0 }",
    "metrics: { port: 0 }",
    "signals: { every: 1s }",
    "deployments:",
    ...origins.map((origin, place) => `  server${place}: { provider: vllm, model: ${JSON.stringify(model)}, endpoints: [${JSON.stringify(origin)}] }`),
    "routes:",
    ...["round-robin", "prefix-affinity"].map((strategy) => `  ${strategy}: { deployments: [${names.join(", ")}], strategy: ${strategy}, ${timeouts} }`),
    "",
  ].join("\n");
}
