/**
 * Prefix affinity: requests with the same prefix go to the same endpoint, whose cache then holds it. A request is known by its first block that is not common (see
 * affinity-state.ts), and goes to that block's home while the home is within its bound: so many requests above the mean of the eligible, in the last minute. A block
 * without a home, or driven out, gets one and is remembered there: the endpoint with the highest hash of (block, endpoint's identity) that is within its bound. All
 * replicas agree on the order of the hashes without speaking to each other, and an endpoint that comes or goes changes it for its own share only (rendezvous hashing with
 * bounded load). The bound is `loadBoundPercent` of the mean, and more where the mean is small:
 *  - Where this replica sees all requests (recent-load.ts), its counts are the load, and `slackMin` requests above the mean are enough. A prefix without a home costs
 *    nothing to place and keeps the endpoints level: `newShare` of the slack. One with a home costs a cache to move: the longer, the more of the slack.
 *  - Where it sees a part of them, chance makes a good deal of what it counts, and two replicas that take it for load send one prefix to two endpoints: `chance` square roots
 *    of the mean above the bound.
 * An endpoint far above the mean in requests in flight has its fill too. Requests without blocks go to the least busy endpoint. Measured on the Mooncake slice, 10 caches
 * of 5,859 blocks: test/simulation/prefix-affinity.test.ts and stale-signals.test.ts.
 */
import { present } from "../assert.ts";
import type { EndpointId } from "../messages.ts";
import { mix } from "../random.ts";
import { type AffinityState, countRequest, homeOf, knownBy, setHome } from "./affinity-state.ts";
import { type Choice, idAt, type Strategy } from "./choice.ts";
import { inFlightOf } from "./least-busy.ts";
import { leastOf } from "./least-of.ts";
import { type RecentWeights, recentStarts, recentWeights, seesAll } from "./recent-load.ts";

const slackMin = 4.8;
const newShare = 0.6;
/** Square roots of the mean. */
const chance = 1.5;
/** From so many blocks on a prefix may use the whole bound. */
const longBlocks = 20;
const inFlightSlack = 4;

/** Of all eligible endpoints, the request counted. */
interface Load {
  readonly weights: RecentWeights;
  readonly mean: number;
  /** Requests that an endpoint may be above the mean: for new prefixes, and for long ones that have their home there. */
  readonly slackNew: number;
  readonly slackLong: number;
  readonly inFlightMax: number;
}

function loadOf({ eligible: { ids, count }, route, state, busy }: Choice): Load {
  const weights = recentWeights(state);
  const { current, before } = state.recent;
  // Whole counts are added up and weighed once: this loop is most of a decision among many endpoints.
  let startedNow = 0;
  let startedBefore = 0;
  let inFlight = 0;
  for (let index = 0; index < count; index += 1) {
    const id = ids[index] as EndpointId;
    startedNow += current[id] as number;
    startedBefore += before[id] as number;
    inFlight += busy[id] as number;
  }
  const started = 1 + startedNow * weights.current + startedBefore * weights.before;
  const factor = route.affinity.loadBoundPercent / 100;
  const mean = started / count;
  const alone = seesAll(state);
  const slackLong = alone ? Math.max((factor - 1) * mean, slackMin) : (factor - 1) * mean + chance * Math.sqrt(mean);
  const slackNew = alone ? newShare * slackLong : slackLong;
  return { weights, mean, slackNew, slackLong, inFlightMax: (factor * inFlight) / count + inFlightSlack };
}

function hasItsFill({ state, busy }: Choice, id: EndpointId, load: Load, slack: number): boolean {
  return recentStarts(state, id, load.weights) + 1 > load.mean + slack || (busy[id] as number) > load.inFlightMax;
}

function pick(choice: Choice): EndpointId {
  const { blocks } = choice.request;
  const affinity = stateOf(choice);
  const block = blocks === null ? -1 : countRequest(affinity, blocks);
  if (block === -1) return leastOf(choice, inFlightOf);
  const id = idAt(choice, placeOf(choice, affinity, block, loadOf(choice)));
  setHome(affinity, block, id);
  return id;
}

function placeOf(choice: Choice, affinity: AffinityState, block: number, load: Load): number {
  const home = homeOf(affinity, block);
  const index = home < 0 ? -1 : eligiblePlace(choice, home);
  if (index < 0) return hashedPlace(choice, block, load);
  const length = Math.min((choice.request.blocks?.length ?? 0) / longBlocks, 1);
  const slack = load.slackNew + (load.slackLong - load.slackNew) * length;
  return hasItsFill(choice, idAt(choice, index), load, slack) ? hashedPlace(choice, block, load) : index;
}

function eligiblePlace({ eligible }: Choice, id: number): number {
  for (let index = 0; index < eligible.count; index += 1) if (eligible.ids[index] === id) return index;
  return -1;
}

/** Where all have their fill, the least loaded. */
function hashedPlace(choice: Choice, block: number, load: Load): number {
  const key = mix(block ^ 0x5bd1e995);
  let best = -1;
  let highest = -Infinity;
  for (let index = 0; index < choice.eligible.count; index += 1) {
    const id = idAt(choice, index);
    const value = mix(key ^ (choice.hashes[id] as number));
    if (value <= highest || hasItsFill(choice, id, load, load.slackNew)) continue;
    highest = value;
    best = index;
  }
  return best < 0 ? leastLoaded(choice, load) : best;
}

function leastLoaded(choice: Choice, { weights }: Load): number {
  const { eligible, state, busy } = choice;
  let best = 0;
  let least = Infinity;
  for (let index = 0; index < eligible.count; index += 1) {
    const id = idAt(choice, index);
    const started = recentStarts(state, id, weights);
    if (started > least || (started === least && (busy[id] as number) >= (busy[idAt(choice, best)] as number))) continue;
    least = started;
    best = index;
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
  const load = loadOf(choice);
  const chosen = block === -1 ? -1 : placeOf(choice, affinity, block, load);
  for (let index = 0; index < choice.eligible.count; index += 1) {
    const id = idAt(choice, index);
    scores[index] = index === chosen ? 0 : 1 + (choice.busy[id] as number) + recentStarts(choice.state, id, load.weights);
  }
}

export const prefixAffinity: Strategy = { measure: "0 at the home of its prefix, else 1 and the requests in flight and lately started", judge, pick };
