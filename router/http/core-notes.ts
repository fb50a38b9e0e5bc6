import type { CompiledConfig } from "../core/compiled-config.ts";
import type { RouterCommand, RouterEvent } from "../core/messages.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import type { RouterMetrics } from "../telemetry/router-metrics.ts";

type NotedKind =
  | "health-changed"
  | "request-rerouted"
  | "budget-noticed"
  | "limit-changed"
  | "weight-changed"
  | "forget-endpoint"
  | "breaker-changed"
  | "retire-config";
export type Noted = Extract<RouterCommand, { kind: NotedKind }>;

/** What the core says for people and metrics: nothing of it is carried out. */
export class CoreNotes {
  readonly #config: () => CompiledConfig;
  readonly #metrics: RouterMetrics;
  readonly #log: DecisionLog;
  /** By EndpointId: why its last probe was a bad one. */
  readonly #probesSaid: string[] = [];

  /** @param config the newest version */
  constructor(config: () => CompiledConfig, metrics: RouterMetrics, log: DecisionLog) {
    this.#config = config;
    this.#metrics = metrics;
    this.#log = log;
  }

  note(command: Noted): void {
    const { routes, deployments, endpoints } = this.#config();
    const { logger } = this.#log;
    switch (command.kind) {
      case "request-rerouted":
        this.#metrics.rerouted(command.from, command.to, command.cause);
        return;
      case "budget-noticed":
        this.#noteBudget(command);
        return;
      case "limit-changed":
        this.#metrics.fleet.limitChanged(command.deployment, command.limit);
        return;
      case "weight-changed": {
        const { route, deployment, from, to, why } = command;
        logger.info({ route: routes[route]?.name, deployment: deployments[deployment]?.name, from, to, why }, "weight_changed");
        return;
      }
      case "forget-endpoint":
        this.#metrics.fleet.endpointForgotten(command.endpoint);
        logger.info({ endpoint: endpoints[command.endpoint]?.origin }, "endpoint_forgotten");
        return;
      case "breaker-changed": {
        const { endpoint, from, to, why } = command;
        this.#metrics.fleet.breakerChanged(endpoint, to);
        logger.info({ endpoint: endpoints[endpoint]?.origin, from, to, why }, "breaker_changed");
        return;
      }
      case "health-changed":
        this.#metrics.fleet.healthChanged(command.endpoint, command.healthy);
        this.#noteHealth(command);
        return;
      case "retire-config":
        logger.info({ version: command.version }, "configuration_retired");
    }
  }

  /** Before the core hears of it. */
  noteProbe({ endpoint, healthy }: Extract<RouterEvent, { kind: "probe-ended" }>, said: string): void {
    this.#metrics.fleet.probeEnded(endpoint, healthy);
    this.#probesSaid[endpoint] = said;
    if (said !== "") this.#log.logger.debug({ endpoint: this.#config().endpoints[endpoint]?.origin, said }, "probe_failed");
  }

  #noteHealth({ endpoint, healthy }: Extract<Noted, { kind: "health-changed" }>): void {
    const { origin } = this.#config().endpoints[endpoint] ?? {};
    if (healthy) this.#log.logger.info({ endpoint: origin }, "endpoint_healthy");
    else this.#log.logger.warn({ endpoint: origin, said: this.#probesSaid[endpoint] ?? "" }, "endpoint_unhealthy");
  }

  #noteBudget({ budget, level, spent }: Extract<Noted, { kind: "budget-noticed" }>): void {
    const limit = this.#config().limits[budget];
    if (limit === undefined) return;
    this.#metrics.budgetNoticed(limit.name, level);
    this.#log.logger.warn({ budget: limit.name, level, spent_nano_dollars: spent, limit_nano_dollars: limit.amount }, "budget_noticed");
  }
}
