/** The router's invariants for each replica by itself, the limits and the gossip over all of them; what is told of violations of one among several names it. */
import { present } from "../../../router/core/assert.ts";
import type { CompiledConfig } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { RouterCommand, RouterEvent } from "../../../router/core/messages.ts";
import type { CompiledScenario } from "../compiled-scenario.ts";
import { GossipInvariant } from "./gossip-invariant.ts";
import { ProbeInvariant } from "./probe-invariant.ts";
import { LimitInvariants } from "./limit-invariants.ts";
import { RouterInvariants } from "./router-invariants.ts";
import type { Violation } from "./violation.ts";

export class FleetInvariants {
  readonly #config: CompiledConfig;
  readonly #replicas: RouterInvariants[];
  /** Of replicas that have crashed since. */
  readonly #past: Violation[] = [];
  readonly #limits: LimitInvariants;
  readonly #gossip: GossipInvariant;
  readonly #probes: ProbeInvariant;

  constructor({ config, replicas }: Pick<CompiledScenario, "config" | "replicas">) {
    this.#config = config;
    this.#replicas = Array.from({ length: replicas.count }, () => new RouterInvariants(config));
    this.#limits = new LimitInvariants(config, replicas.count);
    this.#gossip = new GossipInvariant(config, replicas);
    this.#probes = new ProbeInvariant(replicas.count);
  }

  event(event: RouterEvent, now: Instant, replica: number): void {
    this.#of(replica).event(event, now);
    this.#limits.event(event, now, replica);
    this.#probes.event(event, now, replica);
    if (event.kind === "config-activated") this.#gossip.activated(event.config);
  }

  command(command: RouterCommand, at: Instant, replica: number): void {
    this.#of(replica).command(command, at);
    this.#limits.command(command, at, replica);
    this.#gossip.command(command, at, replica);
    this.#probes.command(command, at, replica);
  }

  /** What it had open ends with it; its successor begins with nothing. */
  crashed(_at: Instant, replica: number): void {
    this.#past.push(...this.#of(replica).violations);
    this.#replicas[replica] = new RouterInvariants(this.#config);
    this.#limits.crashed(replica);
    this.#gossip.crashed(replica);
    this.#probes.crashed(replica);
  }

  /** At the end of a run, when nothing may be open any more. */
  finished(): readonly Violation[] {
    const isAlone = this.#replicas.length === 1;
    const own = this.#replicas.flatMap((invariants, replica) =>
      invariants.finished().map((violation) => (isAlone ? violation : { ...violation, what: `replica ${replica}: ${violation.what}` })),
    );
    return [...this.#past, ...own, ...this.#limits.finished(), ...this.#gossip.violations, ...this.#probes.violations];
  }

  #of(replica: number): RouterInvariants {
    return present(this.#replicas[replica], "the replica's invariants");
  }
}
