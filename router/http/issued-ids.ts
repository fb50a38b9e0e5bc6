import type { DeploymentId, EndpointId, RouteId, TenantId } from "../core/messages.ts";

/** Who keeps what an id stands for, and whose it is. */
export interface Issuer {
  readonly deployment: DeploymentId;
  readonly endpoint: EndpointId;
  readonly route: RouteId;
  readonly tenant: TenantId;
}

interface Known {
  readonly issuer: Issuer;
  readonly place: number;
}
/** No id is empty. */
const forgotten = "";

/**
 * Ids that providers have issued for something they keep (responses, files, batches, uploads): only the same provider at the same address, with the same key, knows them. The last
 * 100,000 are remembered, in this process and where there is a store (issued-ids-store.ts) over a restart; what is asked for with another id goes where its route sends it.
 */
export class IssuedIds {
  readonly #sizeMax: number;
  readonly #known = new Map<string, Known>();
  /** In the order in which they were noted last; the next one takes the place of the oldest. A Map's own order would have to be searched for it. */
  readonly #order: string[] = [];
  #next = 0;

  constructor(sizeMax = 100_000) {
    this.#sizeMax = sizeMax;
  }

  /** An id stays whose it was first. */
  note(ids: readonly string[], issuer: Issuer): void {
    for (const id of ids) {
      const before = this.#known.get(id);
      if (before !== undefined && before.issuer.tenant !== issuer.tenant) continue;
      if (before !== undefined) this.#order[before.place] = forgotten;
      this.#known.delete(this.#order[this.#next] ?? forgotten);
      this.#known.set(id, { issuer, place: this.#next });
      this.#order[this.#next] = id;
      this.#next = (this.#next + 1) % this.#sizeMax;
    }
  }

  find(id: string): Issuer | null {
    return this.#known.get(id)?.issuer ?? null;
  }
}

const idForm = /\b(?:resp|file|batch|conv|vs|upload|ftjob|asst|thread|run|video|msgbatch|assistant)[-_][A-Za-z0-9_-]{6,}/;
const everyId = new RegExp(idForm.source, "g");
const named = /"(?:id|output_file_id|error_file_id|input_file_id)"\s*:\s*"([^"\\]{1,200})"/g;
const scannedBytesMax = 64 * 1024;

/** Ids that an answer (or the beginning of a stream) gives to what its provider keeps. */
export function idsIn(bytes: Uint8Array): readonly string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, scannedBytesMax)).toString("latin1");
  return [...text.matchAll(named)].map((match) => match[1] ?? "").filter((id) => idForm.test(id));
}

/** Ids that stand in a path, or anywhere else in a text. */
export const idsInText = (text: string): readonly string[] => text.match(everyId) ?? [];
