import type { Duration, Instant } from "../core/machine.ts";
import type { EndpointId, RouterCommand, RouterEvent } from "../core/messages.ts";
import { noBody } from "../providers/sent-body.ts";
import type { UpstreamLane } from "./upstream-lane.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamTransport } from "./upstream-transport.ts";

type StartProbe = Extract<RouterCommand, { kind: "start-probe" }>;
type ProbeEnded = Extract<RouterEvent, { kind: "probe-ended" }>;

export interface HealthProberOptions {
  readonly transport: UpstreamTransport;
  readonly laneOf: (endpoint: EndpointId) => UpstreamLane;
  readonly now: () => Instant;
  /** Whether our own event loop stood still since then. */
  readonly stalledSince: (since: Instant) => boolean;
  /** `said`: why it is not well; empty where it is. */
  readonly tell: (event: ProbeEnded, said: string) => void;
}

/**
 * Carries active probes out: a GET with the endpoint's own key, on the connections that its requests use. Any 2xx or 3xx is healthy, whatever its body; redirects are not
 * followed. Each has exactly one answer; one whose time ran out while our own event loop stood still says nothing.
 */
export class HealthProber {
  readonly #options: HealthProberOptions;
  /** Each with the timer of its time. */
  readonly #underWay = new Map<UpstreamCall, NodeJS.Timeout>();

  constructor(options: HealthProberOptions) {
    this.#options = options;
  }

  start({ endpoint, nonce, path, timeout }: StartProbe): void {
    const { laneOf, now, stalledSince, tell } = this.#options;
    const lane = laneOf(endpoint);
    const { origin, basePath } = lane.target;
    const startedAt = now();
    const head = lane.authorised({ method: "GET", path: `${basePath}${path}`, headers: [], isStanding: false });
    if (head === null) {
      tell({ kind: "probe-ended", endpoint, nonce, healthy: null }, "there is no access token for this provider yet");
      return;
    }
    this.#ask({ origin, head: head.bytes, body: noBody, connect: timeout }, timeout, (said) => {
      const healthy = said === "" ? true : stalledSince(startedAt) ? null : false;
      tell({ kind: "probe-ended", endpoint, nonce, healthy }, said);
    });
  }

  stop(): void {
    for (const [call, timer] of this.#underWay) {
      call.abort();
      clearTimeout(timer);
    }
    this.#underWay.clear();
  }

  /** @param told once, with what is wrong; empty: nothing */
  #ask(request: UpstreamRequest, timeout: Duration, told: (said: string) => void): void {
    let status = 0;
    const end = (said: string): void => {
      clearTimeout(timer);
      this.#underWay.delete(call);
      told(said);
    };
    const call = this.#options.transport.send(request, {
      onHead: (head) => (status = head.status),
      onData: () => undefined,
      onReadOver: () => undefined,
      onEnd: () => end(status >= 200 && status < 400 ? "" : `it answered ${status}`),
      onBroken: ({ message }) => end(message),
    });
    const giveUp = (): void => {
      call.abort();
      end(status === 0 ? "it did not answer in time" : "its answer did not end in time");
    };
    const timer = setTimeout(giveUp, timeout / 1000);
    this.#underWay.set(call, timer);
  }
}
