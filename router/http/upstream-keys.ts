import type { UpstreamKey } from "../config/service-spec.ts";
import { type Credential, sealCredential } from "../providers/credential.ts";
import { googleToken } from "../providers/vertex/google-client.ts";
import { GoogleTokens } from "../providers/vertex/google-tokens.ts";
import { fetchThrough } from "../upstream/fetch-through.ts";
import type { UpstreamTransport } from "../upstream/upstream-transport.ts";

const tokenMs = 15_000;

/** Makes credentials of keys, each sealed for its origin, and keeps the tokens alive that some of them are. */
export class UpstreamKeys {
  readonly #googleTokens: GoogleTokens;

  /** @param transport by which tokens are fetched */
  constructor(transport: UpstreamTransport, onTrouble: (message: string) => void) {
    const fetch = fetchThrough(transport, tokenMs);
    this.#googleTokens = new GoogleTokens(onTrouble, async (file) => googleToken(file, fetch));
  }

  /** Null: the upstream asks for none. */
  seal(origin: string, key: UpstreamKey | null): Credential | null {
    if (key === null) return null;
    if (key.kind === "google") return sealCredential(origin, this.#googleTokens.source(key.file));
    const { secret } = key;
    return sealCredential(origin, () => secret.reveal());
  }

  /** Tokens are there, or cannot be had for now. */
  async ready(limitMs: number): Promise<void> {
    await this.#googleTokens.ready(limitMs);
  }

  close(): void {
    this.#googleTokens.close();
  }
}
