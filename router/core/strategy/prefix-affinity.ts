/**
 * Prefix affinity: requests with the same prefix go to the same endpoint, whose cache then holds it. A request is known by its first block that is not common (see
 * affinity-state.ts), and goes to that block's home, unless the home cannot be had or has its fill: more than `loadBoundPercent` of the mean of the eligible, in requests
 * lately started (with the square root of the mean for chance) or in flight (with four for chance). A block without a home, or driven out, gets one and is remembered there:
 *  - `hashed`: the endpoint with the highest hash of (block, endpoint's identity) that has not its fill, on which all replicas agree without speaking to each other, and
 *    which an endpoint that comes or goes changes for its own share only (rendezvous hashing with bounded load);
 *  - `least-loaded`: the endpoint with the fewest requests lately, whose balance is better, and which only works where one replica sees all requests.
 * Measured on the Mooncake slice, 10 caches of 5,859 blocks: see test/simulation/prefix-affinity.test.ts. Requests without blocks go to the least busy endpoint.
 */
import { present } from "../assert.ts";
import type { EndpointId } from "../messages.ts";
import { mix } from "../random.ts";
import { type AffinityState, countRequest, homeOf, knownBy, setHome } from "./affinity-state.ts";
import { type Choice, idAt, type Strategy } from "./choice.ts";
import { inFlightOf } from "./least-busy.ts";
import { leastOf } from "./least-of.ts";
import { recentWeight } from "./recent-load.ts";

const inFlightSlack = 4;

/** More than this and an endpoint has its fill; of all eligible endpoints. */
interface Bounds {
  readonly recent: number;
  readonly inFlight: number;
}

function boundsOf(choice: Choice): Bounds {
  const { eligible, route, state, busy } = choice;
  let recent = 0;
  let inFlight = 0;
  for (let index = 0; index < eligible.count; index += 1) {
    const id = eligible.ids[index] as number;
    recent += state.recent[id] as number;
    inFlight += busy[id] as number;
  }
  const factor = route.affinity.loadBoundPercent / 100;
  const unit = recentWeight(state);
  const mean = (recent / unit + 1) / eligible.count;
  return { recent: (factor * mean + Math.sqrt(mean) - 1) * unit, inFlight: (factor * inFlight) / eligible.count + inFlightSlack };
}

function hasItsFill({ state, busy }: Choice, id: EndpointId, bounds: Bounds): boolean {
  return (state.recent[id] as number) > bounds.recent || (busy[id] as number) > bounds.inFlight;
}

function pick(choice: Choice): EndpointId {
  const { blocks } = choice.request;
  const affinity = stateOf(choice);
  const block = blocks === null ? -1 : countRequest(affinity, blocks);
  if (block === -1) return leastOf(choice, inFlightOf);
  const bounds = boundsOf(choice);
  const index = placeOf(choice, affinity, block, bounds);
  const id = idAt(choice, index);
  setHome(affinity, block, id);
  return id;
}

function placeOf(choice: Choice, affinity: AffinityState, block: number, bounds: Bounds): number {
  const home = homeOf(affinity, block);
  const index = home < 0 ? -1 : eligiblePlace(choice, home);
  if (index >= 0 && !hasItsFill(choice, idAt(choice, index), bounds)) return index;
  return choice.route.affinity.placement === "hashed" ? hashedPlace(choice, block, bounds) : leastLoaded(choice);
}

function eligiblePlace({ eligible }: Choice, id: number): number {
  for (let index = 0; index < eligible.count; index += 1) if (eligible.ids[index] === id) return index;
  return -1;
}

/** Where all have their fill, the least loaded. */
function hashedPlace(choice: Choice, block: number, bounds: Bounds): number {
  const key = mix(block ^ 0x5bd1e995);
  let best = -1;
  let highest = -Infinity;
  for (let index = 0; index < choice.eligible.count; index += 1) {
    const id = idAt(choice, index);
    const value = mix(key ^ (choice.hashes[id] as number));
    if (value <= highest || hasItsFill(choice, id, bounds)) continue;
    highest = value;
    best = index;
  }
  return best < 0 ? leastLoaded(choice) : best;
}

function leastLoaded({ eligible, state, busy }: Choice): number {
  let best = 0;
  for (let index = 1; index < eligible.count; index += 1) {
    const id = eligible.ids[index] as number;
    const bestId = eligible.ids[best] as number;
    const difference = (state.recent[id] as number) - (state.recent[bestId] as number);
    if (difference < 0 || (difference === 0 && (busy[id] as number) < (busy[bestId] as number))) best = index;
  }
  return best;
}

function stateOf({ state, route }: Choice): AffinityState {
  return present(present(state.routes[route.id], "the route's state").affinity, "the route's prefixes");
}

/** 0 where the request would go for its prefix, above it the load of the others. */
function judge(choice: Choice, scores: Float64Array): void {
  const { blocks } = choice.request;
  const affinity = stateOf(choice);
  const block = blocks === null ? -1 : knownBy(affinity, blocks);
  const bounds = boundsOf(choice);
  const chosen = block === -1 ? -1 : placeOf(choice, affinity, block, bounds);
  for (let index = 0; index < choice.eligible.count; index += 1) {
    const id = idAt(choice, index);
    scores[index] = index === chosen ? 0 : 1 + (choice.busy[id] as number) + (choice.state.recent[id] as number) / recentWeight(choice.state);
  }
}

export const prefixAffinity: Strategy = { measure: "0 at the home of its prefix, else 1 and the requests in flight and lately started", judge, pick };
