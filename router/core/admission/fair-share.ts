/**
 * What an attempt adds to its tenant's counter: input and output tokens, each times its weight, over the tenant's weight. When it starts, the output is expected to be
 * the mean of the tenant's latest (before there is one: the caller's cap); when it has ended, what it really used takes the estimate's place. Whole thousandths.
 */
import type { CompiledConfig, QueueSpec, RouteSpec } from "../compiled-config.ts";
import type { RouteRequest, Usage } from "../messages.ts";
import { chargeLane, laneAt, type WaitQueue } from "./wait-queue.ts";

export function laneOf(queue: QueueSpec, request: RouteRequest): number {
  return queue.order === "fair" ? request.tenant : 0;
}

function share(config: CompiledConfig, queue: QueueSpec, request: RouteRequest, inputTokens: number, outputTokens: number): number {
  const weighted = inputTokens * queue.inputWeight + outputTokens * queue.outputWeight;
  return Math.floor((weighted * 1000) / (config.tenants[request.tenant]?.weight ?? 1));
}

/** @returns what the attempt has to remember for `settleShare` */
export function chargeShare(config: CompiledConfig, route: RouteSpec, queue: WaitQueue, request: RouteRequest): number {
  const lane = laneOf(route.queue, request);
  const line = laneAt(queue, lane);
  const { outputMean } = line;
  const output = outputMean < 0 ? request.outputTokensMax : Math.min(outputMean, request.outputTokensMax);
  const charged = share(config, route.queue, request, request.inputTokens, output);
  chargeLane(queue, lane, line, charged);
  return charged;
}

export function settleShare(config: CompiledConfig, route: RouteSpec, queue: WaitQueue, request: RouteRequest, charged: number, usage: Usage | null): void {
  const lane = laneOf(route.queue, request);
  const line = laneAt(queue, lane);
  let used = 0;
  if (usage !== null) {
    const { output } = usage;
    used = share(config, route.queue, request, usage.input, output);
    // Over some eight attempts.
    line.outputMean = line.outputMean < 0 ? output : line.outputMean + Math.floor((output - line.outputMean) / 8 + 0.5);
  }
  chargeLane(queue, lane, line, used - charged);
}
