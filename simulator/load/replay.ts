import { monitorEventLoopDelay } from "node:perf_hooks";
import { Pool } from "undici";
import { costOf, roundToNano } from "../../router/core/accounting/ledger.ts";
import type { DeploymentSpec } from "../../router/core/compiled-config.ts";
import type { RouteId } from "../../router/core/messages.ts";
import { percentile } from "../core/measure/percentile.ts";
import type { RequestRecord } from "../core/measure/request-record.ts";
import { RecordTable } from "../core/measure/record-table.ts";
import type { Arrival } from "../core/workload/arrival.ts";
import type { CallReport } from "./chat-call.ts";
import { ChatCall } from "./chat-call.ts";
import { GrowingNumbers } from "./growing-numbers.ts";
import { waitUntil } from "./pacer.ts";
import { RequestBodies } from "./request-body.ts";
import { RunClock } from "./run-clock.ts";
import type { Validity } from "./validity.ts";
import { judgeValidity } from "./validity.ts";

export interface ReplayOptions {
  /** Where `/v1/chat/completions` is. */
  readonly target: URL;
  readonly arrivals: Iterator<Arrival>;
  /** The model that a request asks for, and the route that it is booked under. */
  routeOf(arrival: Arrival): { readonly id: RouteId; readonly name: string };
  readonly deployments: readonly DeploymentSpec[];
  /** `authorization: Bearer` where the target wants one. */
  readonly key: string | null;
  /** More requests than that are never open at once; one that would be is not sent, and the replay is invalid. */
  readonly openMax: number;
  /** After the last request was sent, so long is waited for answers. */
  readonly drainMaxMs: number;
  /** Ends the replay: what is open is given up, what came before is reported as invalid. */
  readonly signal: AbortSignal;
  progress(sent: number, open: number): void;
}

export interface ReplayRun {
  readonly records: RecordTable;
  readonly validity: Validity;
}

/** Open loop: a request leaves when the trace says, however the others fare. All instants count from the replay's start, as the trace's do. */
export async function replay(options: ReplayOptions): Promise<ReplayRun> {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  const run = new Replay(options);
  try {
    await run.sendAll();
    await run.drain();
  } finally {
    delay.disable();
    await run.close();
  }
  const beyond = (percent: number): number => Math.max(0, Math.round(delay.percentile(percent) / 10_000) / 100 - delayResolutionMs);
  return run.report({ p50: beyond(50), p99: beyond(99), max: beyond(100) });
}

const delayResolutionMs = 10;
/** Below the keep-alive time of whatever may stand there. */
const reuseWindowMs = 3_000;

class Replay {
  readonly #options: ReplayOptions;
  readonly #clock = new RunClock();
  readonly #bodies = new RequestBodies();
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: readonly string[];
  readonly #deployments: ReadonlyMap<string, DeploymentSpec>;
  readonly #records = new RecordTable();
  readonly #lags = new GrowingNumbers();
  readonly #open = new Set<ChatCall>();
  #drained: (() => void) | null = null;
  #firstScheduled = 0;
  #lastScheduled = 0;
  #firstSent = 0;
  #lastSent = 0;
  #unsent = 0;
  #givenUp = 0;
  #serial = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
    const { target, key } = options;
    this.#pool = new Pool(target.origin, {
      allowH2: false,
      connections: null,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: reuseWindowMs,
      keepAliveMaxTimeout: reuseWindowMs,
    });
    this.#path = `${target.pathname.replace(/\/+$/, "").replace(/\/v1$/, "")}/v1/chat/completions`;
    this.#headers = ["content-type", "application/json", "accept", "text/event-stream", ...(key === null ? [] : ["authorization", `Bearer ${key}`])];
    this.#deployments = new Map(options.deployments.map((deployment) => [deployment.name, deployment]));
  }

  async sendAll(): Promise<void> {
    const { arrivals, signal } = this.#options;
    for (let row = arrivals.next(); row.done !== true && !signal.aborted; row = arrivals.next()) {
      const arrival = row.value;
      const serial = this.#serial;
      this.#serial += 1;
      const body = this.#bodies.bodyOf(arrival, serial, this.#options.routeOf(arrival).name);
      await waitUntil(this.#clock, arrival.at, signal);
      if (signal.aborted) return;
      if (this.#open.size >= this.#options.openMax) this.#skip(arrival, serial);
      else this.#send(arrival, serial, body);
    }
  }

  async drain(): Promise<void> {
    const { signal, drainMaxMs } = this.#options;
    if (this.#open.size > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drainMaxMs);
        const finish = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", finish);
          resolve();
        };
        this.#drained = finish;
        signal.addEventListener("abort", finish, { once: true });
      });
    }
    this.#givenUp = this.#open.size;
    for (const call of this.#open) call.giveUp();
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  report(eventLoopDelayMs: Validity["eventLoopDelayMs"]): ReplayRun {
    const validity = judgeValidity({
      lagsUs: this.#lags.values(),
      scheduledSpanUs: this.#lastScheduled - this.#firstScheduled,
      sentSpanUs: this.#lastSent - this.#firstSent,
      ttftP50Ms: this.#ttftP50Ms(),
      eventLoopDelayMs,
      unsent: this.#unsent,
      interrupted: this.#options.signal.aborted,
      givenUp: this.#givenUp,
    });
    return { records: this.#records, validity };
  }

  #send(arrival: Arrival, serial: number, body: Buffer): void {
    const call = new ChatCall(
      () => this.#clock.now(),
      (report) => {
        this.#open.delete(call);
        this.#records.add(this.#recordOf(arrival, serial, report));
        if (this.#open.size === 0) this.#drained?.();
      },
    );
    this.#open.add(call);
    this.#noteSent(arrival.at, this.#clock.now());
    call.send(this.#pool, this.#path, this.#headers, body);
    this.#options.progress(serial + 1, this.#open.size);
  }

  #noteSent(scheduled: number, sent: number): void {
    if (this.#lags.length === 0) {
      this.#firstScheduled = scheduled;
      this.#firstSent = sent;
    }
    this.#lastScheduled = scheduled;
    this.#lastSent = sent;
    this.#lags.push(sent - scheduled);
  }

  #skip(arrival: Arrival, serial: number): void {
    this.#unsent += 1;
    const now = this.#clock.now();
    const record = { result: "failed", why: "not-sent", sent: now, headers: null, first: null, last: null, end: now, outputTokens: 0 } as const;
    this.#records.add(this.#recordOf(arrival, serial, { ...record, usage: null, deployment: null, attempts: 0 }));
  }

  /** What the answer cost is figured from the usage that it states, by the configuration's rates; attempts that failed on the way are not in it. */
  #recordOf(arrival: Arrival, serial: number, report: CallReport): RequestRecord {
    const deployment = report.deployment === null ? undefined : this.#deployments.get(report.deployment);
    const { usage } = report;
    const rates = deployment?.rates ?? null;
    return {
      serial,
      route: this.#options.routeOf(arrival).id,
      tenant: 0 as RequestRecord["tenant"],
      deployment: deployment?.id ?? null,
      result: report.result,
      why: report.why,
      scheduled: arrival.at,
      sent: report.sent,
      started: null,
      first: report.first,
      last: report.last,
      end: report.end,
      inputTokens: arrival.inputTokens,
      cachedTokens: usage?.cachedRead ?? 0,
      outputTokens: report.outputTokens,
      attempts: report.attempts ?? 1,
      nanoDollars: usage === null || rates === null ? 0 : roundToNano(costOf(usage, arrival.batch === true ? (rates.batch ?? rates) : rates)),
      priced: usage === null || rates !== null,
      batch: arrival.batch === true,
      version: null,
    };
  }

  #ttftP50Ms(): number | null {
    const { first, scheduled } = this.#records.columns;
    const ttft = Float64Array.from({ length: this.#records.rows }, (_, row) => (first[row] ?? Number.NaN) - (scheduled[row] ?? 0)).filter(
      (value) => !Number.isNaN(value),
    );
    return ttft.length === 0 ? null : percentile(ttft.sort(), 50) / 1000;
  }
}
