/** What the candidates keep of the endpoints' states, so that a decision need not look at each. */
import { missing, present } from "./assert.ts";
import type { Candidates } from "./candidates.ts";
import type { CompiledConfig } from "./compiled-config.ts";
import { refusal } from "./eligibility.ts";
import type { EndpointId } from "./messages.ts";
import type { RouterState } from "./state.ts";
import { moveLoad } from "./strategy/load-levels.ts";

/** To be called whenever an endpoint's breaker, cooling or attempts in flight have changed. An `open` that is 0 for too long costs time, one that is 1 would be wrong. */
export function noteEndpoint(found: Candidates, config: CompiledConfig, state: RouterState, id: EndpointId): void {
  const endpoint = present(state.endpoints[id], "the endpoint's state");
  const deployment = present(config.deployments[present(config.endpoints[id], "the endpoint").deployment], "its deployment");
  const open = refusal(endpoint, deployment) === null && endpoint.breaker.phase === "closed" ? 1 : 0;
  noteBusy(found, id, endpoint.inFlight);
  found.shutUntil[id] = endpoint.breaker.phase === "open" ? endpoint.breaker.openUntil : 0;
  if (open === 1 && found.open[id] === 1) return;
  found.open[id] = open;
  found.filledFor = -1;
}

/** For where nothing but its attempts in flight has changed: as long as it has a place, it stays open. */
export function noteLoad(found: Candidates, config: CompiledConfig, state: RouterState, id: EndpointId): void {
  const { inFlight, limit } = state.endpoints[id] ?? missing("the endpoint's state");
  if (found.open[id] === 1 && inFlight < limit) noteBusy(found, id, inFlight);
  else noteEndpoint(found, config, state, id);
}

function noteBusy({ busy, loads }: Candidates, id: EndpointId, inFlight: number): void {
  if (loads !== null) moveLoad(loads, id, busy[id] as number, inFlight);
  busy[id] = inFlight;
}
