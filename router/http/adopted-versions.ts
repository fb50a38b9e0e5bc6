import { alignService } from "../config/align-service.ts";
import type { ServiceSpec } from "../config/service-spec.ts";
import type { CompiledConfig, ConfigVersion } from "../core/compiled-config.ts";
import type { EndpointId, RouterEvent } from "../core/messages.ts";
import { alignConfig } from "../core/rollout/align-config.ts";
import { LiveVersions } from "../core/rollout/live-versions.ts";
import type { UpstreamLane } from "../upstream/upstream-lane.ts";
import { type AdoptedConfig, adoptConfig } from "./adopted-config.ts";
import type { UpstreamKeys } from "./upstream-keys.ts";

export type Activation = Extract<RouterEvent, { kind: "config-activated" }>;

/** The newest version of the configuration, and those before it that are still at work. */
export class AdoptedVersions {
  readonly #keys: UpstreamKeys;
  readonly #live: LiveVersions;
  readonly #onAdopted: (config: CompiledConfig) => void;
  #newest: AdoptedConfig;

  /** @param onAdopted a newer version than the first is the newest */
  constructor(compiled: CompiledConfig, spec: ServiceSpec, keys: UpstreamKeys, onAdopted: (config: CompiledConfig) => void) {
    this.#keys = keys;
    this.#live = new LiveVersions(compiled);
    this.#onAdopted = onAdopted;
    this.#newest = this.#adopt(compiled, spec);
  }

  get newest(): AdoptedConfig {
    return this.#newest;
  }

  /** Null: it waits until one of the older versions has ended. */
  offer(compiled: CompiledConfig, spec: ServiceSpec): Activation | null {
    return this.#live.offer({
      version: compiled.version,
      prepare: (live) => {
        const alignment = alignConfig(compiled, live);
        this.#newest = this.#adopt(alignment.config, alignService(spec, alignment, this.#newest.spec));
        this.#onAdopted(alignment.config);
        return { kind: "config-activated", config: alignment.config, share: 1, by: "request" };
      },
    });
  }

  /** @returns what waited for that */
  retired(version: ConfigVersion): Activation | null {
    return this.#live.retired(version);
  }

  lane(endpoint: EndpointId): UpstreamLane {
    const lane = this.#newest.lanes[endpoint];
    if (lane === undefined) throw new Error(`assertion: there is no endpoint ${endpoint}`);
    return lane;
  }

  #adopt(compiled: CompiledConfig, spec: ServiceSpec): AdoptedConfig {
    return adoptConfig(compiled, spec, (origin, key) => this.#keys.seal(origin, key));
  }
}
