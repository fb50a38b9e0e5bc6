import type { CompiledConfig } from "../core/compiled-config.ts";
import type { RouterCommand } from "../core/messages.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import type { RouterMetrics } from "../telemetry/router-metrics.ts";

type Noted = Extract<RouterCommand, { kind: "budget-noticed" | "limit-changed" | "weight-changed" | "forget-endpoint" | "breaker-changed" }>;

export interface Notes {
  readonly metrics: RouterMetrics;
  readonly logger: DecisionLog["logger"];
  readonly compiled: CompiledConfig;
}

/** For people and metrics: nothing is carried out. */
export function noteCommand(command: Noted, { metrics, logger, compiled }: Notes): void {
  const { routes, deployments, endpoints, limits } = compiled;
  switch (command.kind) {
    case "budget-noticed": {
      const limit = limits[command.budget];
      if (limit === undefined) return;
      metrics.budgetNoticed(limit.name, command.level);
      logger.warn({ budget: limit.name, level: command.level, spent_nano_dollars: command.spent, limit_nano_dollars: limit.amount }, "budget_noticed");
      return;
    }
    case "limit-changed":
      metrics.limitChanged(command.deployment, command.limit);
      return;
    case "weight-changed": {
      const { route, deployment, from, to, why } = command;
      logger.info({ route: routes[route]?.name, deployment: deployments[deployment]?.name, from, to, why }, "weight_changed");
      return;
    }
    case "forget-endpoint":
      logger.info({ endpoint: endpoints[command.endpoint]?.origin }, "endpoint_forgotten");
      return;
    case "breaker-changed": {
      const { endpoint, from, to, why } = command;
      metrics.breakerChanged(endpoint, to);
      logger.info({ endpoint: endpoints[endpoint]?.origin, from, to, why }, "breaker_changed");
    }
  }
}
