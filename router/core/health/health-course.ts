/** Active probes in the router's course: when they start, and what their answers change. The policy is health-probe.ts. */
import { present } from "../assert.ts";
import type { Core } from "../core.ts";
import { isForgotten, isLeaving } from "../fleet-config.ts";
import type { BreakerPhase, EndpointId, RouterEvent } from "../messages.ts";
import type { EndpointState } from "../state.ts";
import { never } from "../time.ts";
import { breakerHalfOpens } from "./breaker.ts";
import { awaitFirstProbe, beginProbe, endProbe, isProbed, unprobed } from "./health-probe.ts";

/** An endpoint has come, or its rule may have changed. What is not probed any more is taken for healthy. */
export function healthRefits(core: Core, id: EndpointId): void {
  const endpoint = endpointState(core, id);
  const { probe } = core.deploymentOf(id);
  if (probe === null) {
    const { healthy, started } = endpoint.health;
    endpoint.health = { ...unprobed(), started };
    endpoint.answered = false;
    if (!healthy) core.emit({ kind: "health-changed", endpoint: id, healthy: true });
  } else if (!isProbed(endpoint.health)) awaitFirstProbe(endpoint.health, probe, [core.options.seed, id], core.state.now);
}

/** Its time has come. Who leaves is asked no more. */
export function healthFallsDue(core: Core, id: EndpointId): void {
  const { health } = endpointState(core, id);
  const { probe } = core.deploymentOf(id);
  if (health.nextAt > core.state.now) return;
  health.nextAt = never;
  if (probe === null || isLeaving(core, id)) return;
  core.emit({ kind: "start-probe", endpoint: id, nonce: beginProbe(health, core.state.now), path: probe.path, timeout: probe.timeout });
}

/** @returns null: nothing has changed; otherwise the phase that its breaker was in */
export function hearHealth(core: Core, { endpoint: id, nonce, healthy }: Extract<RouterEvent, { kind: "probe-ended" }>): BreakerPhase | null {
  if (isForgotten(core, id)) return null;
  const endpoint = endpointState(core, id);
  const { probe } = core.deploymentOf(id);
  if (probe === null || endpoint.health.nonce !== nonce) return null;
  const { answered } = endpoint;
  endpoint.answered = false;
  const change = endProbe(endpoint.health, probe, healthy === false && answered ? null : healthy, [core.options.seed, id], core.state.now);
  const { phase } = endpoint.breaker;
  if (change === "healthy" && phase === "open") breakerHalfOpens(endpoint.breaker, "health-returned");
  if (change !== null) core.emit({ kind: "health-changed", endpoint: id, healthy: change === "healthy" });
  return phase;
}

function endpointState(core: Core, id: EndpointId): EndpointState {
  return present(core.state.endpoints[id], "the endpoint's state");
}
