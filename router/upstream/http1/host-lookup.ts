import { lookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { performance } from "node:perf_hooks";

/** How long an answer of the resolver is used: a burst of connections asks once, and a name that moves is followed soon. */
const freshForMs = 5000;

type Waiting = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
interface Known {
  readonly untilMs: number;
  readonly addresses: LookupAddress[];
}

/** Name resolution for new connections: coalesced, and remembered for a few seconds. Failures are not remembered. */
export class HostLookup {
  readonly #known = new Map<string, Known>();
  readonly #asked = new Map<string, Waiting[]>();

  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#addresses(hostname, (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) callback(error ?? new Error(`no address of ${hostname}`), "");
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

  #addresses(hostname: string, tell: Waiting): void {
    const known = this.#known.get(hostname);
    if (known !== undefined && known.untilMs > performance.now()) {
      tell(null, known.addresses);
      return;
    }
    const asked = this.#asked.get(hostname);
    if (asked !== undefined) {
      asked.push(tell);
      return;
    }
    const waiting = [tell];
    this.#asked.set(hostname, waiting);
    lookup(hostname, { all: true }, (error, addresses) => {
      this.#asked.delete(hostname);
      if (error === null) this.#known.set(hostname, { untilMs: performance.now() + freshForMs, addresses });
      else this.#known.delete(hostname);
      for (const each of waiting) each(error, addresses ?? []);
    });
  }
}
