import { type Credential, openCredential } from "../providers/credential.ts";
import type { ProviderAdapter, RequestHead, Target } from "../providers/provider-adapter.ts";
import { type SendableHead, sendableHead } from "./http1/sendable-head.ts";

/** A head with what authorises the request. */
export interface AuthorisedHead {
  readonly bytes: SendableHead;
  /** What of it must not come back to callers: name, value, name, value. */
  readonly authorisation: readonly string[];
}

interface Written extends AuthorisedHead {
  readonly secret: string;
}

const nothing: readonly string[] = [];

/** The way to one endpoint: its provider's adapter, where it is, and its key. What stands before the bodies of requests that are alike is written once. */
export class UpstreamLane {
  readonly adapter: ProviderAdapter;
  readonly target: Target;
  readonly #credential: Credential | null;
  readonly #host: string;
  readonly #written = new Map<RequestHead, Written>();

  constructor(adapter: ProviderAdapter, target: Target, credential: Credential | null) {
    this.adapter = adapter;
    this.target = target;
    this.#credential = credential;
    this.#host = new URL(target.origin).host;
  }

  /** Null: there is no access token yet. */
  authorised(head: RequestHead): AuthorisedHead | null {
    // Asked every time: tokens are renewed.
    const secret = this.#credential === null ? "" : openCredential(this.#credential, this.target.origin);
    if (secret === null) return null;
    const known = this.#written.get(head);
    if (known?.secret === secret) return known;
    const authorisation = this.#credential === null ? nothing : this.adapter.authorise(this.#credential, this.target);
    if (authorisation === null) return null;
    const { method, path, headers } = head;
    const written = { secret, authorisation, bytes: sendableHead({ method, host: this.#host, path, headers: [...headers, ...authorisation] }) };
    if (head.isStanding) this.#written.set(head, written);
    return written;
  }
}
