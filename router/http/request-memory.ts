import type { CompiledConfig } from "../core/compiled-config.ts";
import type { TenantId } from "../core/messages.ts";
import type { CallerRequest, Dialect } from "../providers/provider-adapter.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import type { AttemptEnding } from "../upstream/attempt.ts";
import { idsIn, idsInText, IssuedIds, type Issuer } from "./issued-ids.ts";
import { type IssuedIdsStore, openIssuedIds, type StoredId } from "./issued-ids-store.ts";
import { ownEntries } from "./own-entries.ts";
import type { RequestInFlight } from "./request-in-flight.ts";
import { RequestRecords } from "./request-records.ts";
import type { RunningAttempt } from "./running-attempt.ts";
import { factsOf, requestTold } from "./request-told.ts";
import type { RequestsUnderWay } from "./requests-under-way.ts";

/** Dialects in which providers issue ids for what they keep. */
const stateful: ReadonlySet<Dialect> = new Set<Dialect>(["openai-responses", "openai-other"]);

/** What is remembered of requests that have ended: what callers may ask of them, and who keeps what they have made. */
export class RequestMemory {
  readonly #config: () => CompiledConfig;
  readonly #records = new RequestRecords();
  readonly #issued = new IssuedIds();

  readonly #store: IssuedIdsStore | null;

  /** @param config the newest version @param stateFolder where ids outlive the process; null: nowhere */
  constructor(config: () => CompiledConfig, stateFolder: string | null, log: DecisionLog) {
    this.#config = config;
    this.#store = openIssuedIds(stateFolder, (said) => log.logger.warn({ said }, "issued_ids_not_kept"));
    for (const { id, ...issuer } of this.#store?.takeOver() ?? []) {
      const found = this.#issuerNamed(issuer);
      if (found !== null) this.#issued.note([id], found);
    }
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  noteEnded(request: RequestInFlight, ended: EndedRequest): void {
    this.#records.add(factsOf(request), ended);
  }

  /** Null: not known, or another tenant's. */
  told(name: string, tenant: TenantId): Readonly<Record<string, unknown>> | null {
    const record = this.#records.find(name, tenant);
    return record === null ? null : requestTold(record.facts, record.ended, this.#config());
  }

  toldUnderWay(name: string, tenant: TenantId, requests: RequestsUnderWay): Readonly<Record<string, unknown>> | null {
    let told: Readonly<Record<string, unknown>> | null = null;
    requests.forEach((request) => {
      if (request.name === name && request.routed.tenant === tenant) told = requestTold(factsOf(request), null, this.#config());
    });
    return told;
  }

  /** The first bytes of an answer; of a stream they tell its id. */
  noteIds(running: RunningAttempt, bytes: Uint8Array): void {
    if (!running.unread) return;
    running.unread = false;
    const { request, endpoint } = running;
    const deployment = this.#config().endpoints[endpoint]?.deployment;
    if (deployment === undefined || !stateful.has(request.caller.dialect) || this.#listsForMany(request.caller)) return;
    const ids = idsIn(bytes);
    this.#issued.note(ids, { deployment, endpoint, route: request.route.id, tenant: request.routed.tenant });
    if (this.#store === null || ids.length === 0) return;
    const { endpoints, tenants } = this.#config();
    const names = { endpoint: endpoints[endpoint]?.identity ?? "", route: request.route.name, tenant: tenants[request.routed.tenant]?.name ?? "" };
    for (const id of ids) this.#store.note({ id, ...names });
  }

  /** With its answer as the request's tenant may see it. */
  shown({ caller, routed }: RequestInFlight, ending: AttemptEnding): AttemptEnding {
    const { answer } = ending;
    if (answer === null || !this.#listsForMany(caller)) return ending;
    return { ...ending, answer: { ...answer, body: ownEntries(answer.body, (id) => this.foreignOf([id], routed.tenant) !== null) } };
  }

  /** It asks for no id: a provider lists what it keeps for all tenants of the router, and who has it listed has not made it. */
  #listsForMany({ passed }: CallerRequest): boolean {
    if (passed === null || passed.method !== "GET" || this.#config().tenants.length < 2) return false;
    return idsInText(passed.path.split("?", 1)[0] ?? "").length === 0;
  }

  /** The first of these ids that another tenant is known to have; null: there is none. */
  foreignOf(ids: readonly string[], tenant: TenantId): string | null {
    return ids.find((id) => (this.#issued.find(id)?.tenant ?? tenant) !== tenant) ?? null;
  }

  /** Null: the configuration has one of them no more. */
  #issuerNamed({ endpoint, route, tenant }: Omit<StoredId, "id">): Issuer | null {
    const { endpoints, routes, tenants } = this.#config();
    const issuing = endpoints.find(({ identity }) => identity === endpoint);
    const routeId = routes.find(({ name }) => name === route)?.id;
    const tenantId = tenants.findIndex(({ name }) => name === tenant);
    if (issuing === undefined || routeId === undefined || tenantId < 0) return null;
    return { deployment: issuing.deployment, endpoint: issuing.id, route: routeId, tenant: tenantId as TenantId };
  }

  /** Who keeps what one of these ids stands for; null: nobody that is remembered. */
  issuerOf(ids: readonly string[]): Issuer | null {
    for (const id of ids) {
      const issuer = this.#issued.find(id);
      if (issuer !== null) return issuer;
    }
    return null;
  }
}
