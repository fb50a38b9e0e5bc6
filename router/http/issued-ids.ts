import type { DeploymentId, RouteId, TenantId } from "../core/messages.ts";

/** Who keeps what an id stands for, and whose it is. */
export interface Issuer {
  readonly deployment: DeploymentId;
  readonly route: RouteId;
  readonly tenant: TenantId;
}

/**
 * Ids that providers have issued for something they keep (responses, files, batches, uploads): only the same provider, with the same key, knows them. The last
 * 100,000 are remembered, in this process; what is asked for with another id goes where its route sends it.
 */
export class IssuedIds {
  readonly #sizeMax: number;
  readonly #issuers = new Map<string, Issuer>();

  constructor(sizeMax = 100_000) {
    this.#sizeMax = sizeMax;
  }

  note(ids: readonly string[], issuer: Issuer): void {
    for (const id of ids) {
      this.#issuers.delete(id);
      this.#issuers.set(id, issuer);
    }
    for (const oldest of this.#issuers.keys()) {
      if (this.#issuers.size <= this.#sizeMax) return;
      this.#issuers.delete(oldest);
    }
  }

  find(id: string): Issuer | null {
    return this.#issuers.get(id) ?? null;
  }
}

const idForm = /\b(?:resp|file|batch|conv|vs|upload|ftjob|asst|thread|run|video|msgbatch|assistant)[-_][A-Za-z0-9_-]{6,}/;
const idsOfPath = new RegExp(idForm.source, "g");
const named = /"(?:id|output_file_id|error_file_id|input_file_id)"\s*:\s*"([^"\\]{1,200})"/g;
const scannedBytesMax = 64 * 1024;

/** Ids that an answer (or the beginning of a stream) gives to what its provider keeps. */
export function idsIn(bytes: Uint8Array): readonly string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, scannedBytesMax)).toString("latin1");
  return [...text.matchAll(named)].map((match) => match[1] ?? "").filter((id) => idForm.test(id));
}

export const idsInPath = (path: string): readonly string[] => path.match(idsOfPath) ?? [];
