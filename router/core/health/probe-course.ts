import { present } from "../assert.ts";
import type { Candidates } from "../candidates.ts";
import type { Core } from "../core.ts";
import { setKey } from "../tournament.ts";
import type { EndpointId, RouterEvent } from "../messages.ts";
import type { EndpointState } from "../state.ts";
import { after, earlier, never, startOfTime } from "../time.ts";
import { askPatience } from "./probe-lease.ts";

/** Its breaker has changed its phase: probes are asked for, or not wanted any more. */
export function probesFollow(core: Core, id: EndpointId, { breaker, probes }: EndpointState): void {
  if (breaker.phase === "half-open") {
    if (core.deploymentOf(id).breaker.shared) askForProbes(core, id);
    return;
  }
  if (probes.state === "held" && breaker.phase === "closed") core.emit({ kind: "return-probes", endpoint: id, nonce: probes.nonce });
  probes.state = "free";
  probes.until = never;
}

export function askForProbes(core: Core, id: EndpointId): void {
  const { probes } = present(core.state.endpoints[id], "the endpoint's state");
  if (core.state.storeLost) {
    probes.state = "alone";
    probes.until = never;
    return;
  }
  core.state.leaseNonce += 1;
  probes.state = "asked";
  probes.nonce = core.state.leaseNonce;
  probes.until = after(core.state.now, askPatience);
  core.emit({ kind: "ask-probes", endpoint: id, nonce: probes.nonce, open: core.deploymentOf(id).breaker.open });
}

/** A question without an answer, or a lease or denial whose time is over. */
export function probesFallDue(core: Core, id: EndpointId): void {
  const { probes } = present(core.state.endpoints[id], "the endpoint's state");
  if (probes.until > core.state.now) return;
  probes.state = probes.state === "asked" ? "alone" : probes.state === "free" ? "free" : "lapsed";
  probes.until = never;
}

/** Its next deadline: the end of its open time, of its cooling, what becomes of its breaker's probes, or the next probe of its health. */
export function scheduleEndpoint(core: Core, id: EndpointId): void {
  const { breaker, probes, health, coolUntil } = present(core.state.endpoints[id], "the endpoint's state");
  const cools = coolUntil > startOfTime ? coolUntil : never;
  setKey(core.state.endpointDeadlines, id, earlier(earlier(breaker.openUntil, probes.until), earlier(health.nextAt, cools)));
}

/** Some request could use endpoints whose probes nobody has asked for lately. */
export function askWantedProbes(core: Core, { wantedProbes }: Candidates): void {
  while (wantedProbes.length > 0) {
    const id = present(wantedProbes.pop(), "an endpoint");
    const { probes } = present(core.state.endpoints[id], "the endpoint's state");
    if (probes.state !== "lapsed") continue;
    askForProbes(core, id);
    scheduleEndpoint(core, id);
    core.note(id);
  }
}

/** True: it is the answer that is waited for. */
export function hearProbes(core: Core, { endpoint: id, nonce, granted, until }: Extract<RouterEvent, { kind: "probes-answered" }>): boolean {
  const endpoint = core.state.endpoints[id];
  const isWanted = endpoint !== undefined && endpoint.breaker.phase === "half-open" && endpoint.probes.nonce === nonce && endpoint.probes.state !== "free";
  if (!isWanted) {
    if (granted) core.emit({ kind: "return-probes", endpoint: id, nonce });
    return false;
  }
  // An answer that was under way for longer than it holds says nothing any more.
  const isOver = until <= core.state.now;
  endpoint.probes.state = isOver ? "lapsed" : granted ? "held" : "denied";
  endpoint.probes.until = isOver ? never : until;
  return true;
}
