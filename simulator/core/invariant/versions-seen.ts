/**
 * The versions of the configuration as a checker sees them: those that were activated and are not retired, and whose rules hold for what they share.
 * I16: a request sees one version only, the one it is finished under; a version is retired when it gets no new requests and none of its own is open, and never twice; no
 * more are live than may be.
 */
import { present } from "../../../router/core/assert.ts";
import type { CompiledConfig, ConfigVersion } from "../../../router/core/compiled-config.ts";
import type { RequestId, RouterEvent } from "../../../router/core/messages.ts";
import { allTo, liveVersionsMax, type Shares, sharesAfter, takesRequests, viewOf } from "../../../router/core/rollout/versions.ts";

type Violate = (invariant: "I16" | "I5", what: string) => void;

export class VersionsSeen {
  readonly #own = new Map<ConfigVersion, CompiledConfig>();
  readonly #violate: Violate;
  #views: ReadonlyMap<ConfigVersion, CompiledConfig>;
  #shares: Shares;
  /** Of requests that have had an attempt. */
  readonly #pinned = new Map<RequestId, ConfigVersion>();

  constructor(config: CompiledConfig, violate: Violate) {
    this.#violate = violate;
    this.#shares = allTo(config.version);
    this.#own.set(config.version, config);
    this.#views = this.#refit();
  }

  /** Of one replica, at least: what is live. */
  get all(): readonly CompiledConfig[] {
    return [...this.#views.values()];
  }

  get stable(): CompiledConfig {
    return present(this.#views.get(this.#shares.stable), "the stable version");
  }

  of(version: ConfigVersion): CompiledConfig {
    return this.#views.get(version) ?? this.stable;
  }

  activated({ config, share, by }: Extract<RouterEvent, { kind: "config-activated" }>): void {
    if (!this.#own.has(config.version)) this.#own.set(config.version, config);
    this.#shares = sharesAfter(this.#shares, config.version, share, by);
    this.#views = this.#refit();
    if (this.#own.size > liveVersionsMax) this.#violate("I5", `${this.#own.size} versions of the configuration are live`);
  }

  retired(version: ConfigVersion): void {
    if (takesRequests(this.#shares, version)) this.#violate("I16", `version ${version} is retired, but gets new requests`);
    for (const [request, own] of this.#pinned) if (own === version) this.#violate("I16", `version ${version} is retired while its request ${request} is open`);
    if (!this.#own.delete(version)) this.#violate("I16", `version ${version} is retired, but is not live`);
    this.#views = this.#refit();
  }

  /** An attempt of the request, or its end. */
  seen(request: RequestId, version: ConfigVersion): void {
    const before = this.#pinned.get(request);
    if (before !== undefined && before !== version) this.#violate("I16", `request ${request} of version ${before} goes on under version ${version}`);
    if (!this.#own.has(version)) this.#violate("I16", `request ${request} is of version ${version}, which is not live`);
    this.#pinned.set(request, version);
  }

  finished(request: RequestId): void {
    this.#pinned.delete(request);
  }

  #refit(): ReadonlyMap<ConfigVersion, CompiledConfig> {
    const all = [...this.#own.values()];
    const stable = present(this.#own.get(this.#shares.stable), "the stable version");
    return new Map(all.map((own) => [own.version, viewOf(own, stable, all)]));
  }
}
