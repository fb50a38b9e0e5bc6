import type { CompiledConfig } from "../core/compiled-config.ts";
import type { EndpointId, Explanation } from "../core/messages.ts";
import { strategyOf } from "../core/strategy/strategy.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import { noAsks } from "./read-asks.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

const infoLevel = 30;
/** Beyond it they are made anew. */
const subjectsMax = 10_000;

/**
 * One `route_decision` line per request: where it went, why not elsewhere, what came of it. Never any text of the request.
 *
 * Put together by hand, and of few parts: it is written for every request, and what a line says of route, tenant and deployment is the same in thousands of them.
 */
export class DecisionLines {
  readonly #origins: readonly string[];
  readonly #deployments: readonly string[];
  readonly #deploymentOf: readonly number[];
  readonly #routes: readonly string[];
  readonly #tenants: readonly string[];
  readonly #measures = new Map<string, string>();
  /** By route, tenant, endpoint and whether it is a stream. */
  readonly #subjects = new Map<number, string>();

  constructor(config: CompiledConfig) {
    this.#origins = config.endpoints.map(({ origin }) => JSON.stringify(origin));
    this.#deploymentOf = config.endpoints.map(({ deployment }) => deployment);
    this.#deployments = config.deployments.map(({ name }) => JSON.stringify(name));
    this.#routes = config.routes.map(({ name }) => JSON.stringify(name));
    this.#tenants = config.tenants.map(({ name }) => JSON.stringify(name));
  }

  line(request: RequestInFlight, ended: EndedRequest): string {
    const { account, result } = ended;
    const { usage } = account;
    const { endpointsTried, explanation } = request;
    let line = `{"level":${infoLevel},"time":${Date.now()},"request_id":"${request.name}${this.#subject(request, ended.endpoint)}`;
    line += endpointsTried.length === 1 ? "" : `,"endpoints":${listOf(endpointsTried, this.#origin)}`;
    if (explanation !== null) line += this.#explained(explanation);
    if (request.asks !== noAsks) line += `,"asked":${JSON.stringify(request.asks)}`;
    if (request.dropped.length > 0) line += `,"dropped":${JSON.stringify(request.dropped)}`;
    line += `,"attempts":${account.attempts},"result":"${result.kind}"`;
    if ("failure" in result) line += `,"failure":"${result.failure}","said":${JSON.stringify(request.ending?.message ?? "")}`;
    if (result.kind === "rejected") line += `,"why":"${result.why}"`;
    line += `,"input_tokens":${usage.input},"output_tokens":${usage.output},"cost_nano_dollars":${account.nanoDollars}`;
    line += `,"priced":${account.priced},"estimated":${account.estimated},"duration_ms":${roundedMs(ended.durationMs)}`;
    return `${line},"ttft_ms":${Number.isNaN(ended.ttftMs) ? "null" : roundedMs(ended.ttftMs)},"msg":"route_decision"}\n`;
  }

  /** From behind the request's name. Where it had one attempt, the endpoint that it was tried at is the one that served it, or failed. */
  #subject({ routed, route, endpointsTried }: RequestInFlight, endpoint: EndpointId | null): string {
    const one = endpointsTried.length === 1 ? 1 : 0;
    const key =
      (((route.id * this.#tenants.length + routed.tenant) * (this.#origins.length + 1) + (endpoint ?? -1) + 1) * 2 + (routed.stream ? 1 : 0)) * 2 + one;
    const strategy = strategyOf(route, routed);
    const isUsual = strategy === route.strategy;
    const known = isUsual ? this.#subjects.get(key) : undefined;
    if (known !== undefined) return known;
    const deployment = endpoint === null ? "null" : (this.#deployments[this.#deploymentOf[endpoint] ?? -1] ?? "null");
    const who = `","route":${this.#routes[route.id] ?? "null"},"tenant":${this.#tenants[routed.tenant] ?? "null"},"strategy":"${strategy}"`;
    const where = `,"stream":${routed.stream},"deployment":${deployment}${one === 1 ? `,"endpoints":${listOf(endpointsTried, this.#origin)}` : ""}`;
    // One string, not a tree of its parts.
    const subject = Buffer.from(who + where).toString();
    if (!isUsual) return subject;
    if (this.#subjects.size >= subjectsMax) this.#subjects.clear();
    this.#subjects.set(key, subject);
    return subject;
  }

  readonly #origin = (endpoint: EndpointId): string => this.#origins[endpoint] ?? '"none"';

  /** Of a strategy: there are only so many. */
  #quoted(measure: string): string {
    let quoted = this.#measures.get(measure);
    if (quoted === undefined) this.#measures.set(measure, (quoted = JSON.stringify(measure)));
    return quoted;
  }

  #explained({ path, measure, candidates, scores, kept, excluded }: Explanation): string {
    const scored = listOf(candidates, (endpoint, place) => `{"endpoint":${this.#origin(endpoint)}${scoreOf(scores[place])}}`);
    const left = excluded.length === 0 ? "[]" : listOf(excluded, ({ endpoint, why }) => `{"endpoint":${this.#origin(endpoint)},"why":"${why}"}`);
    const routes = listOf(path, (route) => this.#routes[route] ?? "null");
    return `,"path":${routes},"measure":${this.#quoted(measure)},"candidates":${scored},"kept":${listOf(kept, this.#origin)},"excluded":${left}`;
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
