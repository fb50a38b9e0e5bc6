import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { LoadedScenario } from "../../scenario/loaded-scenario.ts";
import { mockKey, withOrigins } from "../../scenario/with-origins.ts";
import type { LiveRun } from "../replay-scenario.ts";
import { replayScenario } from "../replay-scenario.ts";
import type { Validity } from "../validity.ts";
import { Child, type Executable } from "./child.ts";

export interface LiveOptions {
  readonly executable: Executable;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
  readonly progress: (sent: number, open: number) => void;
}

/** Mock fleet, router and replay on this machine: three processes, started and ended here, whatever happens. */
export async function runLive(scenario: LoadedScenario, options: LiveOptions): Promise<LiveRun> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-twin-"));
  const children: Child[] = [];
  const stop = new AbortController();
  const stopAll = (): void => stop.abort();
  options.signal.addEventListener("abort", stopAll, { once: true });
  let death: Error | null = null;
  const start = (name: string, args: readonly string[], env: NodeJS.ProcessEnv): Child => {
    const child = new Child(name, options.executable, args, env, (error) => {
      death ??= error;
      stop.abort();
    });
    children.push(child);
    return child;
  };
  try {
    options.signal.throwIfAborted();
    const seed = String(options.seed);
    const mock = start(
      "headgate mock",
      ["mock", scenario.file, "--ports", "ephemeral", "--seed", seed, ...scenario.settings.flatMap((setting) => ["--set", setting])],
      process.env,
    );
    const origins = new Map(Object.entries((await mock.ready()) as Record<string, readonly string[]>));
    const anyPort = { host: "127.0.0.1", port: 0 };
    const file = join(folder, "headgate.yaml");
    writeFileSync(file, withOrigins(scenario, { origins, listen: anyPort, metrics: anyPort }));
    const serve = start("headgate serve", ["serve", "-c", file, "--seed", seed, "--json"], {
      ...process.env,
      [mockKey.name]: mockKey.value,
      LOG_LEVEL: process.env["LOG_LEVEL"] ?? "warn",
    });
    const { url, metricsUrl } = (await serve.ready()) as { url: string; metricsUrl: string };
    options.say(`mock fleet and router are up (${url}); replaying ${scenario.trace.rows} requests in ${Math.ceil(scenario.trace.spanUs / 1_000_000)} s`);
    const run = await replayScenario(scenario, { target: new URL(url), metricsUrl, key: null, model: null }, stop.signal, options.progress);
    if (death !== null) throw death as Error;
    return withMockLateness(run, (await mock.stop()) ?? "");
  } catch (error) {
    throw death ?? error;
  } finally {
    options.signal.removeEventListener("abort", stopAll);
    await Promise.all(children.map(async (child) => child.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The mock's own lateness is the machine's, not the model's or the router's: beyond what a load generator may be late by, the run says nothing. */
function withMockLateness(run: LiveRun, lastLine: string): LiveRun {
  const { lateness } = JSON.parse(lastLine) as { lateness: NonNullable<Validity["mockLateness"]> };
  const { validity } = run;
  const limit = validity.lagMs.limit;
  const late = lateness.p99Ms > limit ? [`the mock's tokens left late: p99 ${lateness.p99Ms.toFixed(1)} ms, at most ${limit.toFixed(1)} ms are allowed`] : [];
  const reasons = [...validity.reasons, ...late];
  return { ...run, validity: { ...validity, valid: reasons.length === 0, reasons, mockLateness: lateness } };
}
