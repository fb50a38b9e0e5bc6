/**
 * I7 over a fleet whose replicas tell each other of openings: from the gossip's delay after a replica's breaker opened by its own finding, until the open time has passed,
 * no replica whose own breaker was closed all along still sends attempts there.
 */
import { present } from "../../../router/core/assert.ts";
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Duration, Instant } from "../../../router/core/machine.ts";
import { type EndpointId, isOwnFinding, type RouterCommand } from "../../../router/core/messages.ts";
import { after, never, startOfTime } from "../../../router/core/time.ts";
import type { ReplicasSpec } from "../compiled-scenario.ts";
import type { Violation } from "./violation.ts";

interface Opening {
  readonly replica: number;
  readonly since: Instant;
}

export class GossipInvariant {
  #config: CompiledConfig;
  readonly #spec: ReplicasSpec;
  readonly violations: Violation[] = [];
  /** By EndpointId: the last opening that peers were told of. */
  readonly #openings: (Opening | undefined)[] = [];
  /** By replica and EndpointId: closed since; Infinity while it is not. */
  readonly #closedSince: Instant[][];

  constructor(config: CompiledConfig, spec: ReplicasSpec) {
    this.#config = config;
    this.#spec = spec;
    this.#closedSince = Array.from({ length: spec.count }, () => config.endpoints.map(() => startOfTime));
  }

  /** What was told under other rules is not held against anyone. */
  activated(config: CompiledConfig): void {
    this.#config = config;
    this.#openings.length = 0;
    for (const own of this.#closedSince) for (const { id } of config.endpoints) own[id] ??= startOfTime;
  }

  /** Its successor has heard of nothing: it is bound again by what it opens or closes itself. */
  crashed(replica: number): void {
    this.#closedSince[replica] = this.#config.endpoints.map(() => never);
  }

  command(command: RouterCommand, at: Instant, replica: number): void {
    if (this.#spec.gossip === null) return;
    if (command.kind === "breaker-changed") {
      present(this.#closedSince[replica], "the replica")[command.endpoint] = command.to === "closed" ? at : (Infinity as Instant);
      if (!isOwnFinding(command.why)) return;
      // What fails only in part, and where a route's floor keeps the least bad, may be called all the same.
      const binding = command.to === "open" && command.why !== "failure-rate" && this.#config.routes.every(({ floorPercent }) => floorPercent === 0);
      this.#openings[command.endpoint] = binding ? { replica, since: at } : undefined;
    } else if (command.kind === "forget-endpoint") {
      present(this.#closedSince[replica], "the replica")[command.endpoint] = at;
    } else if (command.kind === "start-attempt") {
      this.#started(command.endpoint, this.#spec.gossip, at, replica);
    }
  }

  #started(endpoint: EndpointId, gossip: Duration, at: Instant, replica: number): void {
    const opening = this.#openings[endpoint];
    if (opening === undefined || opening.replica === replica) return;
    const deployment = present(this.#config.deployments[present(this.#config.endpoints[endpoint], "the endpoint").deployment], "its deployment");
    const told = after(opening.since, gossip);
    const closedSince = present(this.#closedSince[replica]?.[endpoint], "the breaker");
    if (closedSince > opening.since || at <= told || at >= after(opening.since, deployment.breaker.open)) return;
    const what = `replica ${replica} calls endpoint ${endpoint}, which replica ${opening.replica} found broken at ${opening.since}`;
    this.violations.push({ invariant: "I7", at, what });
  }
}
