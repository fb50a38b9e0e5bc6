import type { RouteSpec } from "../core/compiled-config.ts";
import type { EndpointId, TenantId } from "../core/messages.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import type { RequestFacts } from "./request-told.ts";

/** What `GET /v1/requests/{id}` tells of. */
export interface RequestRecord {
  readonly facts: RequestFacts;
  readonly ended: EndedRequest;
}

/** Columns of a row. */
const width = 11;
const nothing: readonly string[] = [];

/**
 * The last requests by name, the oldest forgotten first. A request that its first attempt has served is a row of numbers, not an object: ten thousand objects, each of which
 * lives until ten thousand others have come, are copied and marked by the garbage collector over and over. A name is looked for from end to end, since few ask.
 */
export class RequestRecords {
  readonly #sizeMax: number;
  readonly #names: string[] = [];
  readonly #routes: RouteSpec[] = [];
  readonly #rows: Float64Array;
  /** By place: what is more than a row; null: nothing. */
  readonly #others: (RequestRecord | null)[] = [];
  #next = 0;

  constructor(sizeMax = 10_000) {
    this.#sizeMax = sizeMax;
    this.#rows = new Float64Array(sizeMax * width);
  }

  add(facts: RequestFacts, ended: EndedRequest): void {
    const place = this.#next;
    this.#next = place + 1 === this.#sizeMax ? 0 : place + 1;
    this.#names[place] = facts.name;
    this.#routes[place] = facts.route;
    const plain = facts.dropped.length === 0 && facts.strategy === facts.route.strategy;
    const isUsual = plain && ended.result.kind === "served" && facts.attemptsEnded.length === 1 && ended.endpoint !== null;
    this.#others[place] = isUsual ? null : { facts, ended };
    if (isUsual) this.#write(place * width, facts.stream, ended);
  }

  /** Null: not known, or another tenant's. */
  find(name: string, tenant: TenantId): RequestRecord | null {
    const place = this.#names.indexOf(name);
    if (place === -1) return null;
    const record = this.#others[place] ?? this.#read(name, place);
    return record.ended.tenant === tenant ? record : null;
  }

  #write(at: number, stream: boolean, { tenant, endpoint, account, durationMs, ttftMs }: EndedRequest): void {
    const { usage, priced, estimated, nanoDollars } = account;
    const rows = this.#rows;
    rows[at] = tenant;
    rows[at + 1] = endpoint ?? -1;
    rows[at + 2] = (stream ? 1 : 0) + (priced ? 2 : 0) + (estimated ? 4 : 0);
    rows[at + 3] = nanoDollars;
    rows[at + 4] = usage.input;
    rows[at + 5] = usage.cachedRead;
    rows[at + 6] = usage.cacheWrite;
    rows[at + 7] = usage.output;
    rows[at + 8] = usage.reasoning;
    rows[at + 9] = durationMs;
    rows[at + 10] = ttftMs;
  }

  #read(name: string, place: number): RequestRecord {
    const row = this.#rows.subarray(place * width, (place + 1) * width);
    const [tenant = 0, at = 0, flags = 0, nanoDollars = 0, input = 0, cachedRead = 0, cacheWrite = 0, output = 0, reasoning = 0, durationMs = 0, ttftMs = 0] =
      row;
    const route = this.#routes[place] as RouteSpec;
    const endpoint = at as EndpointId;
    const usage = { input, cachedRead, cacheWrite, output, reasoning };
    const account = { nanoDollars, usage, priced: (flags & 2) !== 0, estimated: (flags & 4) !== 0, attempts: 1 };
    return {
      facts: {
        name,
        route,
        strategy: route.strategy,
        stream: (flags & 1) !== 0,
        attemptsEnded: [{ endpoint, outcome: "succeeded", status: 0 }],
        dropped: nothing,
      },
      ended: {
        route: route.id,
        tenant: tenant as TenantId,
        user: null,
        endpoint,
        result: { kind: "served" },
        account,
        deploymentsTried: 1,
        durationMs,
        ttftMs,
      },
    };
  }
}
