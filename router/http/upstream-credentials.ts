import type { ServiceSpec, UpstreamKey } from "../config/service-spec.ts";
import type { EndpointId } from "../core/messages.ts";
import { type Credential, sealCredential } from "../providers/credential.ts";
import { GoogleTokens } from "../providers/vertex/google-tokens.ts";

/** What each endpoint is paid with, sealed for its origin. */
export class UpstreamCredentials {
  readonly #credentials: readonly (Credential | null)[];
  readonly #googleTokens: GoogleTokens;

  constructor(spec: ServiceSpec, onTrouble: (message: string) => void) {
    this.#googleTokens = new GoogleTokens(onTrouble);
    this.#credentials = spec.endpoints.map(({ origin, key }) => (key === null ? null : this.#seal(origin, key)));
  }

  /** Null: the upstream asks for none. */
  of(endpoint: EndpointId): Credential | null {
    return this.#credentials[endpoint] ?? null;
  }

  /** Tokens are there, or cannot be had for now. */
  async ready(limitMs: number): Promise<void> {
    await this.#googleTokens.ready(limitMs);
  }

  close(): void {
    this.#googleTokens.close();
  }

  #seal(origin: string, key: UpstreamKey): Credential {
    if (key.kind === "google") return sealCredential(origin, this.#googleTokens.source(key.file));
    const { secret } = key;
    return sealCredential(origin, () => secret.reveal());
  }
}
