import { lookup, type LookupAddress } from "node:dns";
import { BlockList, type LookupFunction } from "node:net";
import { performance } from "node:perf_hooks";

/** All addresses of a name. */
export type Resolve = (hostname: string, tell: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void) => void;

export interface NameService {
  readonly resolve: Resolve;
  /** How long an answer is used: a burst of connections asks once, and a name that moves is followed soon. */
  readonly freshForMs: number;
}

const systemNames: NameService = { resolve: (hostname, tell) => lookup(hostname, { all: true }, tell), freshForMs: 5000 };

/**
 * No provider has such an address, but the metadata services of clouds have: a name that has been made to lead there leads nowhere. (Other private addresses are where pools and
 * private links are.) Addresses that stand in the configuration itself are not looked up, and not asked about.
 */
const linkLocal = new BlockList();
linkLocal.addSubnet("169.254.0.0", 16, "ipv4");
linkLocal.addSubnet("fe80::", 10, "ipv6");
linkLocal.addAddress("fd00:ec2::254", "ipv6");
const isReachable = ({ address, family }: LookupAddress): boolean => !linkLocal.check(address, family === 6 ? "ipv6" : "ipv4");

type Waiting = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
interface Known {
  readonly untilMs: number;
  readonly addresses: LookupAddress[];
}

/** Name resolution for new connections: coalesced, and remembered for a few seconds. Failures are not remembered. */
export class HostLookup {
  readonly #names: NameService;
  readonly #known = new Map<string, Known>();
  readonly #asked = new Map<string, Waiting[]>();

  constructor(names: NameService = systemNames) {
    this.#names = names;
  }

  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#addresses(hostname, (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) callback(error ?? new Error(`no address of ${hostname} that a provider could have`), "");
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
    this.#names.resolve(hostname, (error, found) => {
      const addresses = (error === null ? found : []).filter(isReachable);
      this.#asked.delete(hostname);
      if (addresses.length > 0) this.#known.set(hostname, { untilMs: performance.now() + this.#names.freshForMs, addresses });
      else this.#known.delete(hostname);
      for (const each of waiting) each(error, addresses);
    });
  }
}
