import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ListenSpec, ServiceSpec } from "../config/service-spec.ts";
import { InputError } from "../config/problem.ts";
import type { CompiledConfig } from "../core/compiled-config.ts";
import type { Machine } from "../core/machine.ts";
import type { RouterCommand, RouterEvent } from "../core/messages.ts";
import type { Recorded } from "../drivers/realtime-driver.ts";
import type { JournalWriter } from "../telemetry/journal/journal-writer.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import { createMetricsServer } from "../telemetry/metrics-server.ts";
import type { RouterMetrics } from "../telemetry/router-metrics.ts";
import { egressOf } from "../upstream/http1/egress.ts";
import { LoadScraper, serversOf } from "../upstream/load-scraper.ts";
import { Http1Transport } from "../upstream/http1-transport.ts";
import type { CallerServer, ServerPatience } from "./create-server.ts";
import { createHttpServer } from "./http-server.ts";
import { RouterService } from "./router-service.ts";

/** So long the start waits for access tokens; later they come in the background. */
const tokensReadyMs = 10_000;

export interface StartOptions {
  readonly compiled: CompiledConfig;
  readonly spec: ServiceSpec;
  readonly core: Machine<RouterEvent, RouterCommand>;
  readonly log: DecisionLog;
  /** Sees all that goes in and out of the core. */
  readonly record?: (entry: Recorded<RouterEvent, RouterCommand>) => void;
  readonly journal?: JournalWriter;
  /** Other than usual: for tests that cannot wait. */
  readonly patience?: Partial<ServerPatience>;
}

export interface RunningService {
  readonly url: string;
  readonly metricsUrl: string;
  /** New requests go by it; those under way end as they began. Addresses, TLS and CORS stay as they are. */
  activate(compiled: CompiledConfig, spec: ServiceSpec): "activated" | "waits";
  /** Once; later calls wait for the first. Takes no new connections, waits for what is under way, and closes everything. False: the limit was reached first. */
  stop(limitMs: number): Promise<boolean>;
}

/** @throws InputError when an address cannot be listened on */
export async function startService(options: StartOptions): Promise<RunningService> {
  const { spec, log } = options;
  const transport = new Http1Transport(egressOf(spec.egress));
  const { journal } = options;
  const service = new RouterService({ ...options, transport, ...(journal === undefined ? {} : { record: bothOf(options.record, journal) }) });
  const scraper = new LoadScraper({
    transport,
    servers: spec.signalsEveryMs === null ? [] : serversOf(spec.endpoints),
    everyMs: spec.signalsEveryMs ?? Infinity,
    now: () => service.now(),
    tell: (endpoint, load, sampledAt) => service.observe(endpoint, load, sampledAt),
  });
  const callers = createHttpServer(service, spec, options.patience);
  const { server } = callers;
  addCounters(service.metrics, options, scraper, server);
  const metrics = createMetricsServer(service.metrics);
  const end = async (): Promise<void> => {
    scraper.stop();
    service.stop();
    await service.memory.close();
    transport.close();
  };
  await service.ready(tokensReadyMs);
  try {
    await listen("metrics", metrics, spec.metrics, log);
    await listen("listen", server, spec.listen, log);
  } catch (error) {
    await end();
    await closed(metrics);
    throw error;
  }
  const stop = async (limitMs: number): Promise<boolean> => {
    const closing = closed(server);
    scraper.stop();
    const inTime = await service.drain(limitMs);
    await end();
    await closeConnections(callers, closing);
    metrics.closeAllConnections();
    await closed(metrics);
    return inTime;
  };
  scraper.start();
  let stopping: Promise<boolean> | null = null;
  return {
    url: urlOf(server, spec.tls === null ? "http" : "https"),
    metricsUrl: `${urlOf(metrics, "http")}/metrics`,
    activate: (compiled, next) => {
      const outcome = service.activate(compiled, next);
      if (spec.signalsEveryMs !== null) scraper.watch(serversOf(service.upstreams));
      return outcome;
    },
    stop: async (limitMs) => (stopping ??= stop(limitMs)),
  };
}

/** Of what is counted elsewhere. */
function addCounters(metrics: RouterMetrics, { log, journal }: StartOptions, scraper: LoadScraper, server: Server): void {
  metrics.addCounter("router_decision_log_dropped_total", "Lines of the decision log that were dropped because the sink was slow", () => log.dropped());
  if (journal !== undefined) {
    metrics.addCounter("router_journal_records_total", "Inputs and commands of the core written to the journal", () => journal.counts.written);
    metrics.addCounter("router_journal_dropped_total", "Inputs and commands that are missing from the journal", () => journal.counts.dropped);
  }
  metrics.addCounter("router_load_signals_total", "Answers of vLLM servers about their load", () => scraper.counts.answered);
  metrics.addCounter("router_load_signals_missed_total", "Times a vLLM server was asked for its load and did not say", () => scraper.counts.failed);
  let connectionsRefused = 0;
  server.on("drop", () => (connectionsRefused += 1));
  metrics.addCounter("router_connections_refused_total", "Callers' connections beyond listen.limits.connections", () => connectionsRefused);
}

function bothOf(record: StartOptions["record"], journal: JournalWriter): NonNullable<StartOptions["record"]> {
  return (entry) => {
    record?.(entry);
    journal.record(entry);
  };
}

/** Answers that are written but not yet read get a moment; then connections are closed whatever they hold. */
async function closeConnections(callers: CallerServer, closing: Promise<void>): Promise<void> {
  const idle = setInterval(() => callers.closeIdle(), 20);
  const all = setTimeout(() => callers.closeAll(), 1000);
  await closing;
  clearInterval(idle);
  clearTimeout(all);
}

/** @throws InputError where the address cannot be had */
async function listen(field: "listen" | "metrics", server: Server, { host, port }: ListenSpec, { logger }: DecisionLog): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = `cannot listen on ${host}:${port} (${code})`;
    const fix = "free the address, or configure another one (port 0 takes any free one)";
    throw new InputError([{ file: "configuration", line: null, column: null, field, message, fix }]);
  }
  // A connection that cannot be taken, since there are no file descriptors left: those that are there go on.
  server.on("error", (error) => logger.error({ said: error.message }, "connection_not_accepted"));
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

function urlOf(server: Server, scheme: "http" | "https"): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
