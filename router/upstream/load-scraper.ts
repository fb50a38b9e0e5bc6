import type { Instant } from "../core/machine.ts";
import type { EndpointId, EndpointLoad } from "../core/messages.ts";
import { millis } from "../core/time.ts";
import { noBody } from "../providers/sent-body.ts";
import { type SendableHead, sendableHead } from "./http1/sendable-head.ts";
import type { UpstreamCall, UpstreamTransport } from "./upstream-transport.ts";
import { readVllmLoad } from "./vllm-load.ts";

/** A vLLM server answers out of the loop that also makes its tokens, and is slow when it is busy. */
const patienceMs = 5000;
const connectMs = 1000;
const answerBytesMax = 4 * 1024 * 1024;

export interface ScrapedServer {
  readonly origin: string;
  readonly basePath: string;
  readonly endpoints: readonly EndpointId[];
}

export interface LoadScraperOptions {
  readonly transport: UpstreamTransport;
  readonly servers: readonly ScrapedServer[];
  readonly everyMs: number;
  readonly now: () => Instant;
  readonly tell: (endpoint: EndpointId, load: EndpointLoad, sampledAt: Instant) => void;
}

/**
 * Asks each vLLM server for its `/metrics` once in `everyMs`, the servers taking turns within it, and never again before it has answered: a scrape costs a server 12 to 20 ms
 * of its event loop. What it says is as old as the question. No answer is no signal; whether the server is well is for others to find out.
 */
export class LoadScraper {
  readonly #options: LoadScraperOptions;
  #servers: readonly ScrapedServer[];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #underWay = new Map<ScrapedServer, UpstreamCall>();
  readonly counts = { answered: 0, failed: 0 };

  constructor(options: LoadScraperOptions) {
    this.#options = options;
    this.#servers = options.servers;
  }

  /** Others from now on. */
  watch(servers: readonly ScrapedServer[]): void {
    this.stop();
    this.#servers = servers;
    this.start();
  }

  start(): void {
    const { everyMs } = this.#options;
    const servers = this.#servers;
    servers.forEach((server, place) => {
      const begin = (): void => {
        this.#ask(server);
        this.#timers.push(setInterval(() => this.#ask(server), everyMs).unref());
      };
      this.#timers.push(setTimeout(begin, (place * everyMs) / servers.length).unref());
    });
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    for (const call of this.#underWay.values()) call.abort();
    this.#underWay.clear();
  }

  #ask(server: ScrapedServer): void {
    if (this.#underWay.has(server)) return;
    const { transport, now, tell } = this.#options;
    const sampledAt = now();
    let text = "";
    let status = 0;
    const end = (load: EndpointLoad | null): void => {
      clearTimeout(timer);
      this.#underWay.delete(server);
      this.counts[load === null ? "failed" : "answered"] += 1;
      if (load !== null) for (const endpoint of server.endpoints) tell(endpoint, load, sampledAt);
    };
    const giveUp = (): void => {
      call.abort();
      end(null);
    };
    const call = transport.send(
      { origin: server.origin, head: headOf(server), body: noBody, connect: millis(connectMs) },
      {
        onHead: (head) => (status = head.status),
        onData: (chunk) => {
          text += chunk.toString("latin1");
          if (text.length > answerBytesMax) giveUp();
        },
        onReadOver: () => undefined,
        onEnd: () => end(status === 200 ? readVllmLoad(text) : null),
        onBroken: () => end(null),
      },
    );
    const timer = setTimeout(giveUp, patienceMs).unref();
    this.#underWay.set(server, call);
  }
}

function headOf({ origin, basePath }: ScrapedServer): SendableHead {
  return sendableHead({ method: "GET", host: new URL(origin).host, path: `${basePath}/metrics`, headers: ["accept", "text/plain"] });
}

/** The servers of these endpoints, each once. */
export function serversOf(endpoints: readonly { readonly provider: string; readonly origin: string; readonly basePath: string }[]): ScrapedServer[] {
  const byAddress = new Map<string, { readonly origin: string; readonly basePath: string; readonly endpoints: EndpointId[] }>();
  endpoints.forEach(({ provider, origin, basePath }, id) => {
    if (provider !== "vllm") return;
    const address = origin + basePath;
    const server = byAddress.get(address) ?? { origin, basePath, endpoints: [] };
    byAddress.set(address, server);
    server.endpoints.push(id as EndpointId);
  });
  return [...byAddress.values()];
}
