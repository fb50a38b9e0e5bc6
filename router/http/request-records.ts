import type { TenantId } from "../core/messages.ts";
import type { EndedRequest } from "../telemetry/router-metrics.ts";
import type { RequestFacts } from "./request-told.ts";

/** What `GET /v1/requests/{id}` tells of. */
export interface RequestRecord {
  readonly tenant: TenantId;
  readonly facts: RequestFacts;
  readonly ended: EndedRequest;
}

/** The last requests by name, the oldest forgotten first. */
export class RequestRecords {
  readonly #sizeMax: number;
  readonly #records = new Map<string, RequestRecord>();

  constructor(sizeMax = 10_000) {
    this.#sizeMax = sizeMax;
  }

  add(name: string, record: RequestRecord): void {
    this.#records.set(name, record);
    if (this.#records.size <= this.#sizeMax) return;
    for (const oldest of this.#records.keys()) {
      this.#records.delete(oldest);
      return;
    }
  }

  /** Null: not known, or another tenant's. */
  find(name: string, tenant: TenantId): RequestRecord | null {
    const record = this.#records.get(name);
    return record !== undefined && record.tenant === tenant ? record : null;
  }
}
