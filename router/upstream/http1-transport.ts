import { ConnectionPool } from "./http1/connection-pool.ts";
import { type Egress, plainEgress, proxyFor } from "./http1/egress.ts";
import { HostLookup, type NameService } from "./http1/host-lookup.ts";
import { Http1Call } from "./http1/http1-call.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamRequest, UpstreamTransport } from "./upstream-transport.ts";

const trimEveryMs = 500;

/**
 * HTTP/1.1 to the providers, written here because it is on every request's way: a request leaves in one write, an answer's bytes are handed on as they come, and the answer is
 * read strictly. One pool of connections per origin. Redirects are not followed, so a key goes to the origin that it was given for and nowhere else.
 */
export class Http1Transport implements UpstreamTransport {
  readonly #egress: Egress;
  readonly #hosts: HostLookup;
  readonly #pools = new Map<string, ConnectionPool>();
  #trimmer: NodeJS.Timeout | null = null;

  /** @param names other than the system's: for tests */
  constructor(egress: Egress = plainEgress, names?: NameService) {
    this.#egress = egress;
    this.#hosts = new HostLookup(names);
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const pool = this.#poolOf(request.origin);
    const call = new Http1Call(request, handler, pool);
    pool.give(call);
    return call;
  }

  close(): void {
    if (this.#trimmer !== null) clearInterval(this.#trimmer);
    for (const pool of this.#pools.values()) pool.close();
  }

  #poolOf(origin: string): ConnectionPool {
    const known = this.#pools.get(origin);
    if (known !== undefined) return known;
    const url = new URL(origin);
    const made = new ConnectionPool({ origin: url, proxy: proxyFor(this.#egress, url), trust: this.#egress.trust, lookup: this.#hosts.lookup });
    this.#pools.set(origin, made);
    this.#trimmer ??= setInterval(() => this.#trim(), trimEveryMs).unref();
    return made;
  }

  #trim(): void {
    for (const pool of this.#pools.values()) pool.trim();
  }
}
