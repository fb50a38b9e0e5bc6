import type { CompiledConfig } from "../core/compiled-config.ts";
import type { Account, EndpointId, Explanation, FinishResult, RouteId } from "../core/messages.ts";
import { strategyOf } from "../core/strategy/strategy.ts";
import { ByteLine } from "../telemetry/byte-line.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import { noAsks } from "./read-asks.ts";
import type { RequestInFlight } from "./request-in-flight.ts";

const infoLevel = 30;
/** Beyond it they are made anew. */
const subjectsMax = 10_000;

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const quoted = (text: string): Uint8Array => bytesOf(JSON.stringify(text));

/** What stands between what differs. */
const words = {
  comma: bytesOf(","),
  close: bytesOf("]"),
  closeItem: bytesOf("}"),
  quote: bytesOf('"'),
  id: bytesOf(',"request_id":"'),
  endpoints: bytesOf(',"endpoints":['),
  path: bytesOf(',"path":['),
  measure: bytesOf('],"measure":'),
  candidates: bytesOf(',"candidates":['),
  keptNone: bytesOf('],"kept":[]'),
  kept: bytesOf('],"kept":['),
  excludedNone: bytesOf(',"excluded":[]'),
  excluded: bytesOf(',"excluded":['),
  endpoint: bytesOf('{"endpoint":'),
  score: bytesOf(',"score":'),
  noNumber: bytesOf("null"),
  firstToken: bytesOf(',"ttft_ms":'),
  attempts: bytesOf(',"attempts":'),
  result: bytesOf(',"result":"'),
  input: bytesOf(',"input_tokens":'),
  output: bytesOf(',"output_tokens":'),
  cost: bytesOf(',"cost_nano_dollars":'),
  end: bytesOf(',"msg":"route_decision"}\n'),
};

const none = bytesOf('"none"');
const unknown = bytesOf("null");

/**
 * One `route_decision` line per request: where it went, why not elsewhere, what came of it. Never any text of the request.
 *
 * Put together by hand, as bytes: it is written for every request, and nearly all of it is numbers, and words that are the same in thousands of lines.
 */
export class DecisionLines {
  readonly #origins: readonly Uint8Array[];
  readonly #deployments: readonly Uint8Array[];
  readonly #deploymentOf: readonly number[];
  readonly #routes: readonly Uint8Array[];
  readonly #tenants: readonly Uint8Array[];
  /** By route, tenant, endpoint and whether it is a stream. */
  readonly #subjects = new Map<number, Uint8Array>();
  readonly #measures = new Map<string, Uint8Array>();
  readonly #line = new ByteLine();
  #second = -1;
  /** Up to the second. */
  #beginning: Uint8Array = none;

  constructor(config: CompiledConfig) {
    this.#origins = config.endpoints.map(({ origin }) => quoted(origin));
    this.#deploymentOf = config.endpoints.map(({ deployment }) => deployment);
    this.#deployments = config.deployments.map(({ name }) => quoted(name));
    this.#routes = config.routes.map(({ name }) => quoted(name));
    this.#tenants = config.tenants.map(({ name }) => quoted(name));
  }

  /** Good until the next one. */
  line(request: RequestInFlight, ended: EndedRequest): ByteLine {
    const line = this.#line;
    line.clear();
    this.#begin(line);
    line.put(words.id);
    line.ascii(request.name);
    line.put(this.#subject(request, ended.endpoint));
    if (request.endpointsTried.length !== 1) this.#list(line, words.endpoints, request.endpointsTried);
    if (request.explanation !== null) this.#explain(line, request.explanation);
    if (request.asks !== noAsks) line.text(`,"asked":${JSON.stringify(request.asks)}`);
    if (request.dropped.length > 0) line.text(`,"dropped":${JSON.stringify(request.dropped)}`);
    line.put(words.attempts);
    line.number(ended.account.attempts);
    line.put(words.result);
    line.ascii(ended.result.kind);
    line.put(words.quote);
    if (ended.result.kind !== "served") tellWhy(line, ended.result, request.ending?.message ?? "");
    tellAccount(line, ended.account);
    line.thousandths(ended.durationMs);
    line.put(words.firstToken);
    if (Number.isNaN(ended.ttftMs)) line.put(words.noNumber);
    else line.thousandths(ended.ttftMs);
    line.put(words.end);
    return line;
  }

  #begin(line: ByteLine): void {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#beginning = bytesOf(`{"level":${infoLevel},"time":${second}`);
    }
    line.put(this.#beginning);
    line.threeDigits(now - second * 1000);
  }

  /** From behind the request's name. Where it had one attempt, the endpoint that it was tried at is the one that served it, or failed. */
  #subject({ routed, route, endpointsTried }: RequestInFlight, endpoint: EndpointId | null): Uint8Array {
    const one = endpointsTried.length === 1 ? 1 : 0;
    const key =
      (((route.id * this.#tenants.length + routed.tenant) * (this.#origins.length + 1) + (endpoint ?? -1) + 1) * 2 + (routed.stream ? 1 : 0)) * 2 + one;
    const strategy = strategyOf(route, routed);
    const isUsual = strategy === route.strategy;
    const known = isUsual ? this.#subjects.get(key) : undefined;
    if (known !== undefined) return known;
    const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? unknown).toString();
    const who = `","route":${text(this.#routes[route.id])},"tenant":${text(this.#tenants[routed.tenant])},"strategy":"${strategy}"`;
    const deployment = endpoint === null ? "null" : text(this.#deployments[this.#deploymentOf[endpoint] ?? -1]);
    const where = `,"stream":${routed.stream},"deployment":${deployment}${one === 1 ? `,"endpoints":[${text(this.#origin(endpointsTried[0]))}]` : ""}`;
    const subject = bytesOf(who + where);
    if (!isUsual) return subject;
    if (this.#subjects.size >= subjectsMax) this.#subjects.clear();
    this.#subjects.set(key, subject);
    return subject;
  }

  #origin(endpoint: EndpointId | undefined): Uint8Array {
    return this.#origins[endpoint ?? -1] ?? none;
  }

  /** Of a strategy: there are only so many. */
  #measure(measure: string): Uint8Array {
    let bytes = this.#measures.get(measure);
    if (bytes === undefined) this.#measures.set(measure, (bytes = quoted(measure)));
    return bytes;
  }

  #explain(line: ByteLine, { path, measure, candidates, scores, kept, excluded }: Explanation): void {
    line.put(words.path);
    for (let place = 0; place < path.length; place += 1) {
      if (place > 0) line.put(words.comma);
      line.put(this.#routes[path[place] as RouteId] ?? unknown);
    }
    line.put(words.measure);
    line.put(this.#measure(measure));
    line.put(words.candidates);
    for (let place = 0; place < candidates.length; place += 1) {
      if (place > 0) line.put(words.comma);
      line.put(words.endpoint);
      line.put(this.#origin(candidates[place]));
      tellScore(line, scores[place]);
      line.put(words.closeItem);
    }
    if (kept.length === 0) line.put(words.keptNone);
    else this.#list(line, words.kept, kept);
    if (excluded.length === 0) line.put(words.excludedNone);
    else this.#tellExcluded(line, excluded);
  }

  #tellExcluded(line: ByteLine, excluded: Explanation["excluded"]): void {
    line.put(words.excluded);
    for (let place = 0; place < excluded.length; place += 1) {
      const { endpoint, why } = excluded[place] as Explanation["excluded"][number];
      if (place > 0) line.put(words.comma);
      line.put(words.endpoint);
      line.put(this.#origin(endpoint));
      line.text(`,"why":"${why}"}`);
    }
    line.put(words.close);
  }

  #list(line: ByteLine, word: Uint8Array, endpoints: readonly EndpointId[]): void {
    line.put(word);
    for (let place = 0; place < endpoints.length; place += 1) {
      if (place > 0) line.put(words.comma);
      line.put(this.#origin(endpoints[place]));
    }
    line.put(words.close);
  }
}

/** No strategy, no score; one that is no number has none in JSON either. */
function tellScore(line: ByteLine, score: number | undefined): void {
  if (score === undefined) return;
  line.put(words.score);
  if (Number.isFinite(score)) line.number(score);
  else line.put(words.noNumber);
}

function tellWhy(line: ByteLine, result: FinishResult, said: string): void {
  if ("failure" in result) line.text(`,"failure":"${result.failure}","said":${JSON.stringify(said)}`);
  else if (result.kind === "rejected") line.text(`,"why":"${result.why}"`);
}

/** By whether it is priced (1) and estimated (2). */
const accountEnds = [0, 1, 2, 3].map((flags) => bytesOf(`,"priced":${(flags & 1) !== 0},"estimated":${(flags & 2) !== 0},"duration_ms":`));

function tellAccount(line: ByteLine, { usage, nanoDollars, priced, estimated }: Account): void {
  line.put(words.input);
  line.number(usage.input);
  line.put(words.output);
  line.number(usage.output);
  line.put(words.cost);
  line.number(nanoDollars);
  line.put(accountEnds[(priced ? 1 : 0) + (estimated ? 2 : 0)] ?? none);
}
