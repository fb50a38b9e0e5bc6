import { broken, missing } from "../assert.ts";
import type { CompiledConfig, ConfigVersion } from "../compiled-config.ts";
import type { DeploymentId, EndpointId, RouterEvent } from "../messages.ts";
import { liveVersionsMax } from "./versions.ts";

type Activation = Extract<RouterEvent, { kind: "config-activated" }>;

/** A version to come, or another share for one that is live. */
export interface Offer {
  readonly version: ConfigVersion;
  /** Called when it may be activated; a new version has to come in the ids of those that are live (align-config.ts). */
  prepare(live: readonly CompiledConfig[]): Activation;
}

/**
 * The driver's side of `liveVersionsMax`: what would be one version too many waits until another is retired. Only the newest waits: one that a newer one has overtaken
 * never takes traffic.
 */
export class LiveVersions {
  #live: CompiledConfig[];
  #waiting: Offer | null = null;

  constructor(config: CompiledConfig) {
    this.#live = [config];
  }

  /** What to tell the core now; null: it waits. */
  offer(offer: Offer): Activation | null {
    if (!this.#live.some(({ version }) => version === offer.version) && this.#live.length >= liveVersionsMax) {
      this.#waiting = offer;
      return null;
    }
    const activation = offer.prepare(this.#live);
    if (!this.#live.some(({ version }) => version === offer.version)) this.#live.push(activation.config);
    return activation;
  }

  /** The deployment that an endpoint is of, in a version that is live. */
  deploymentOf(endpoint: EndpointId, version: ConfigVersion): DeploymentId {
    for (let place = 0; place < this.#live.length; place += 1) {
      const live = this.#live[place] as CompiledConfig;
      if (live.version === version) return (live.endpoints[endpoint] ?? missing("the endpoint in its version")).deployment;
    }
    broken("an attempt of a version that is not live");
  }

  /** On `retire-config`: what waited, to be told to the core now; null: nothing did. */
  retired(version: ConfigVersion): Activation | null {
    this.#live = this.#live.filter((config) => config.version !== version);
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting === null ? null : this.offer(waiting);
  }
}
