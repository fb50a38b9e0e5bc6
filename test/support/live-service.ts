import path from "node:path";
import OpenAI from "openai";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { loadConfig } from "../../router/config/load-config.ts";
import type { RouterCommand, RouterEvent } from "../../router/core/messages.ts";
import { Router } from "../../router/core/router.ts";
import type { Recorded } from "../../router/drivers/realtime-driver.ts";
import { type RunningService, type StartOptions, startService } from "../../router/http/start-service.ts";
import { JournalWriter } from "../../router/telemetry/journal/journal-writer.ts";
import { type DecisionLog, openDecisionLog } from "../../router/telemetry/decision-log.ts";
import { ScriptedUpstream } from "./scripted-upstream.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface LiveService {
  readonly running: RunningService;
  readonly journal: JournalWriter;
  readonly journalFolder: string;
  readonly upstreams: readonly ScriptedUpstream[];
  readonly client: OpenAI;
  readonly recorded: Recorded<RouterEvent, RouterCommand>[];
  readonly config: ReturnType<typeof loadConfig>["compiled"];
  readonly scrape: () => Promise<string>;
}

export interface LiveOptions {
  readonly upstreams?: number;
  /** Origin of a server that stands before the scripted ones: it is `one`. */
  readonly before?: string;
  /** YAML of the route `chat`, indented by four. */
  readonly route?: string;
  /** Of each deployment; vllm where none is given. */
  readonly providers?: readonly string[];
  /** YAML of each deployment's price. */
  readonly price?: string;
  /** YAML of each deployment, after a comma. */
  readonly deployment?: string;
  /** YAML of each deployment's key. */
  readonly key?: string;
  /** Environment variables of the deployments' keys; UPSTREAM_KEY where none is given. */
  readonly keys?: readonly string[];
  readonly onLog?: (line: string) => void;
  readonly env?: Readonly<Record<string, string>>;
  /** YAML at the top. */
  readonly more?: string;
  /** YAML in `listen`, after a comma. */
  readonly listen?: string;
  readonly keepAliveTimeout?: number;
  readonly journalSegmentBytes?: number;
  readonly patience?: StartOptions["patience"];
  /** False: Node's HTTP server reads all requests. */
  readonly fastLane?: boolean;
  /** In the configuration's folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

const liveSeed = 7;

/** The service in this process, with the unmodified OpenAI SDK in front and scripted providers (deployments `one`, `two`, ...) behind. */
export async function startLive(options: LiveOptions = {}): Promise<LiveService> {
  const started = Array.from({ length: options.upstreams ?? 1 }, async () => ScriptedUpstream.start({ keepAliveTimeout: options.keepAliveTimeout ?? 5000 }));
  const upstreams = await Promise.all(started);
  const origins = [...(options.before === undefined ? [] : [options.before]), ...upstreams.map(({ origin }) => origin)];
  const folder = temporaryFolder({ ...options.files, "headgate.yaml": configText(origins, options) });
  const { compiled, service } = loadConfig(path.join(folder, "headgate.yaml"), { UPSTREAM_KEY: "sk-upstream", ...options.env });
  const recorded: Recorded<RouterEvent, RouterCommand>[] = [];
  const core = new Router(compiled, { seed: liveSeed, explain: true });
  const journalFolder = path.join(folder, "journal");
  const journal = new JournalWriter({
    folder: journalFolder,
    headgate: "test",
    seed: liveSeed,
    explain: true,
    config: compiled,
    snapshot: () => core.snapshot(),
    segmentBytesMax: options.journalSegmentBytes ?? 1024 * 1024,
  });
  const running = await startService({
    compiled,
    spec: service,
    core,
    journal,
    log: options.onLog === undefined ? openDecisionLog("silent") : logTo(options.onLog),
    record: (entry) => recorded.push(structuredClone(entry)),
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  });
  onTestFinished(async () => {
    await running.stop(100);
    await journal.close();
    await Promise.all(upstreams.map(async (upstream) => upstream.stop()));
  });
  const client = new OpenAI({ baseURL: `${running.url}/v1`, apiKey: "sk-caller", maxRetries: 0 });
  return { running, journal, journalFolder, upstreams, client, recorded, config: compiled, scrape: async () => (await fetch(running.metricsUrl)).text() };
}

function logTo(onLine: (line: string) => void): DecisionLog {
  return {
    logger: pino({ level: "debug" }, { write: onLine }),
    takesDecisions: true,
    decision: (line) => onLine(line.toString()),
    dropped: () => 0,
    flush: async () => Promise.resolve(),
  };
}

function configText(origins: readonly string[], options: LiveOptions): string {
  const names = ["one", "two", "three"].slice(0, origins.length);
  const deployments = origins.map((origin, place) => {
    const weight = place === 0 ? 1 : 0;
    return `  ${names[place]}: { provider: ${options.providers?.[place] ?? "vllm"}, model: upstream-model, endpoints: ["${origin}"], weight: ${weight}, key: ${options.key ?? `"\${${options.keys?.[place] ?? "UPSTREAM_KEY"}}"`}, price: ${options.price ?? "{ input: 1, cachedInput: 0.1, output: 2 }"}${options.deployment ?? ""} }`;
  });
  return [
    `listen: { port: 0, fastLane: ${options.fastLane ?? true}${options.listen ?? ""} }`,
    "metrics: { port: 0 }",
    options.more ?? "",
    "deployments:",
    ...deployments,
    "routes:",
    "  chat:",
    `    deployments: [${names.join(", ")}]`,
    options.route ?? "",
    "",
  ].join("\n");
}
