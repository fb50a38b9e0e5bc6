import { randomInt } from "node:crypto";
import process from "node:process";
import { Command } from "commander";
import { environmentHelp } from "../config/environment-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { InputError } from "../config/problem.ts";
import { headgateVersion } from "../config/project-root.ts";
import { readWhole } from "./read-whole.ts";
import { Router } from "../core/router.ts";
import { type RunningService, startService } from "../http/start-service.ts";
import { type DecisionLog, openDecisionLog } from "../telemetry/decision-log.ts";
import { configOption, type ReadConfig, readConfig } from "./read-config.ts";
import { readLogLevel } from "./read-log-level.ts";
import { startNotes } from "./start-notes.ts";
import { JournalWriter } from "../telemetry/journal/journal-writer.ts";

const drainMs = 30_000;

interface ServeOptions {
  readonly config?: string;
  readonly journal?: string;
  readonly seed?: string;
  readonly json?: boolean;
}

export function serveCommand(): Command {
  return new Command("serve")
    .description("run the router service")
    .option(...configOption)
    .option(
      "--journal <folder>",
      "write every input and command of the core there, in segments that `headgate journal replay` reproduces (the last 64 are kept)",
    )
    .option("--seed <number>", "seed of the core's random draws (default: drawn)")
    .option("--json", "write the addresses as one JSON line on stdout when it listens")
    .addHelpText(
      "after",
      `\nExample:\n  $ OPENAI_API_KEY=... headgate serve\n  $ headgate serve -c headgate.yaml\n  $ curl http://127.0.0.1:8080/v1/models\n\nWithout a file it reads ${environmentHelp}.\n\nSIGHUP: reads the configuration again, all or nothing; requests under way end as they began. SIGTERM or SIGINT: takes no new connections, waits up to 30 s for what is under way, exits 0. LOG_LEVEL says how much is logged (stderr): fatal, error, warn, info (the default; a line per request), debug, trace or silent.`,
    )
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const seed = options.seed === undefined ? randomInt(2 ** 32) : readWhole("--seed", options.seed);
  const log = openDecisionLog(readLogLevel(process.env));
  const config = await readConfig(options.config);
  const explain = log.logger.isLevelEnabled("info");
  const core = new Router(config.compiled, { seed, explain, here: config.service.here });
  const journal = options.journal === undefined ? null : openJournal(options.journal, { seed, explain, config: config.compiled }, core, log);
  const running = await startService({
    compiled: config.compiled,
    spec: config.service,
    core,
    log,
    ...(journal === null ? {} : { journal }),
  });
  announce(running, config, options.json === true);
  void startNotes(config).then((notes) => process.stderr.write(notes.map((note) => `headgate: ${note}\n`).join("")));
  process.on("SIGHUP", () => void reload(running, options.config, config));
  await stopSignal();
  process.stderr.write("headgate: draining\n");
  const inTime = await running.stop(drainMs);
  if (!inTime) process.stderr.write(`headgate: gave up waiting after ${drainMs / 1000} s\n`);
  await journal?.close();
  await endLog(log);
}

/** What a running server keeps, as the file calls it. */
const fixedAtStart = [
  ["listen", "listen"],
  ["metrics", "metrics"],
  ["tls", "tls"],
  ["cors", "cors"],
  ["egress", "egress"],
  ["stateFolder", "state"],
  ["signalsEveryMs", "signals"],
  ["here", "here"],
] as const;

/** The file again: what is wrong with it leaves everything as it is. */
async function reload(running: RunningService, file: string | undefined, { service: started }: ReadConfig): Promise<void> {
  const named = file ?? "the configuration";
  const config = await readAgain(file, named);
  if (config === null) return;
  const { compiled, service } = config;
  const outcome = running.activate(compiled, service);
  const later = fixedAtStart.filter(([key]) => JSON.stringify(service[key]) !== JSON.stringify(started[key])).map(([, key]) => key);
  if (later.length > 0) process.stderr.write(`headgate: changes of ${later.join(", ")} take effect with the next start\n`);
  const said = outcome === "activated" ? "is in force" : "waits: too many older versions still have requests under way";
  process.stderr.write(`headgate: ${named} read again, version ${compiled.version} ${said}\n`);
}

/** Null: it cannot be read, for whatever reason; a service at work does not end of that. */
async function readAgain(file: string | undefined, named: string): Promise<ReadConfig | null> {
  try {
    return await readConfig(file);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nheadgate: ${named} is refused, the configuration stays as it was\n`);
    return null;
  }
}

function announce(running: RunningService, config: ReadConfig, json: boolean): void {
  const routes = config.compiled.routes.filter(({ internal }) => !internal).map((route) => route.name);
  if (json) process.stdout.write(`${JSON.stringify({ url: running.url, metricsUrl: running.metricsUrl, routes, pid: process.pid })}\n`);
  process.stderr.write(`headgate: listening on ${running.url} (models ${routes.join(", ")}), metrics on ${running.metricsUrl}\n`);
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    const onSignal = (): void => {
      process.removeListener("SIGTERM", onSignal);
      process.removeListener("SIGINT", onSignal);
      resolve();
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

async function endLog(log: DecisionLog): Promise<void> {
  await log.flush();
  if (log.dropped() > 0) process.stderr.write(`headgate: ${log.dropped()} log lines were dropped\n`);
}

function openJournal(
  folder: string,
  head: { readonly seed: number; readonly explain: boolean; readonly config: LoadedConfig["compiled"] },
  core: Router,
  log: DecisionLog,
): JournalWriter {
  try {
    const onTrouble = (message: string): void => log.logger.error({ folder }, message);
    return new JournalWriter({ ...head, folder, headgate: headgateVersion(), snapshot: () => core.snapshot(), onTrouble });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new InputError([
      {
        file: folder,
        line: null,
        column: null,
        field: "--journal",
        message: `cannot be written to (${code})`,
        fix: "give a folder that exists or can be made, and that may be written to",
      },
    ]);
  }
}
