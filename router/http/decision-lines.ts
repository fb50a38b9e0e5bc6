import type { CompiledConfig } from "../core/compiled-config.ts";
import type { EndpointId, Explanation } from "../core/messages.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import { noAsks } from "./read-asks.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

const infoLevel = 30;

/**
 * One `route_decision` line per request: where it went, why not elsewhere, what came of it. Never any text of the request.
 *
 * Put together by hand: it is written for every request, and nearly all of it is numbers and names, whose JSON is made once.
 */
export class DecisionLines {
  readonly #origins: readonly string[];
  readonly #deployments: readonly string[];
  readonly #deploymentOf: readonly number[];
  readonly #routes: readonly string[];
  readonly #tenants: readonly string[];

  constructor(config: CompiledConfig) {
    this.#origins = config.endpoints.map(({ origin }) => JSON.stringify(origin));
    this.#deploymentOf = config.endpoints.map(({ deployment }) => deployment);
    this.#deployments = config.deployments.map(({ name }) => JSON.stringify(name));
    this.#routes = config.routes.map(({ name }) => JSON.stringify(name));
    this.#tenants = config.tenants.map(({ name }) => JSON.stringify(name));
  }

  line(request: RequestInFlight, ended: EndedRequest): string {
    const { account, result, endpoint } = ended;
    const { routed, route, explanation } = request;
    const deployment = endpoint === null ? "null" : (this.#deployments[this.#deploymentOf[endpoint] ?? -1] ?? "null");
    let line = `{"level":${infoLevel},"time":${Date.now()},"request_id":"${request.name}","route":${this.#routes[route.id] ?? "null"}`;
    line += `,"tenant":${this.#tenants[routed.tenant] ?? "null"},"strategy":"${route.strategy}","stream":${routed.stream}`;
    line += `,"deployment":${deployment},"endpoints":${listOf(request.endpointsTried, this.#origin)}`;
    if (explanation !== null) line += this.#explained(explanation);
    if (request.asks !== noAsks) line += `,"asked":${JSON.stringify(request.asks)}`;
    if (request.dropped.length > 0) line += `,"dropped":${JSON.stringify(request.dropped)}`;
    line += `,"attempts":${account.attempts},"result":"${result.kind}"`;
    if ("failure" in result) line += `,"failure":"${result.failure}","said":${JSON.stringify(request.ending?.message ?? "")}`;
    if (result.kind === "rejected") line += `,"why":"${result.why}"`;
    line += `,"input_tokens":${account.usage.input},"output_tokens":${account.usage.output},"cost_nano_dollars":${account.nanoDollars}`;
    line += `,"priced":${account.priced},"estimated":${account.estimated},"duration_ms":${roundedMs(ended.durationMs)}`;
    return `${line},"ttft_ms":${Number.isNaN(ended.ttftMs) ? "null" : roundedMs(ended.ttftMs)},"msg":"route_decision"}\n`;
  }

  readonly #origin = (endpoint: EndpointId): string => this.#origins[endpoint] ?? '"none"';

  #explained({ path, measure, candidates, scores, kept, excluded }: Explanation): string {
    const scored = listOf(candidates, (endpoint, place) => `{"endpoint":${this.#origin(endpoint)}${scoreOf(scores[place])}}`);
    const left = listOf(excluded, ({ endpoint, why }) => `{"endpoint":${this.#origin(endpoint)},"why":"${why}"}`);
    const routes = listOf(path, (route) => this.#routes[route] ?? "null");
    return `,"path":${routes},"measure":${JSON.stringify(measure)},"candidates":${scored},"kept":${listOf(kept, this.#origin)},"excluded":${left}`;
  }
}

function listOf<Item>(items: readonly Item[], write: (item: Item, place: number) => string): string {
  let list = "[";
  for (let place = 0; place < items.length; place += 1) list += (place === 0 ? "" : ",") + write(items[place] as Item, place);
  return `${list}]`;
}

/** No strategy, no score; one that is no number has none in JSON either. */
function scoreOf(score: number | undefined): string {
  if (score === undefined) return "";
  return `,"score":${Number.isFinite(score) ? score : "null"}`;
}

function roundedMs(value: number): number {
  return Math.round(value * 1000) / 1000;
}
