import type { Instant } from "../../../router/core/machine.ts";
import type { EndpointId } from "../../../router/core/messages.ts";
import type { FaultSpec } from "../compiled-scenario.ts";
import type { FaultState } from "../endpoint.ts";
import { healthy } from "../endpoint.ts";

/** From `at` on these faults, all that are active together, hold at the endpoint. */
export interface FaultChange {
  readonly at: Instant;
  readonly endpoint: EndpointId;
  readonly fault: FaultState;
}

/**
 * A list of faults as the changes of state they make, by instant and endpoint. Overlapping faults of one endpoint combine: down if any is, errors as if
 * they struck independently, slowdowns multiplied. A fault holds from `at` (included) until `until` (excluded).
 */
export function faultChanges(faults: readonly FaultSpec[]): readonly FaultChange[] {
  const changes: FaultChange[] = [];
  for (const endpoint of new Set(faults.map((fault) => fault.endpoint))) {
    const own = faults.filter((fault) => fault.endpoint === endpoint && fault.until > fault.at);
    const edges = [...new Set(own.flatMap(({ at, until }) => [at, until]))].filter((at) => at !== Infinity).sort((one, other) => one - other);
    let before = healthy;
    for (const at of edges) {
      const fault = combine(own.filter((spec) => spec.at <= at && at < spec.until));
      if (!sameState(before, fault)) changes.push({ at, endpoint, fault });
      before = fault;
    }
  }
  return changes.sort((one, other) => one.at - other.at || one.endpoint - other.endpoint);
}

function combine(faults: readonly FaultSpec[]): FaultState {
  let down = false;
  let errorRate = 0;
  let slowdown = 1;
  for (const { fault } of faults) {
    switch (fault.kind) {
      case "down":
        down = true;
        break;
      case "error":
        errorRate += fault.rate - errorRate * fault.rate;
        break;
      case "slow":
        slowdown *= fault.factor;
        break;
    }
  }
  return { down, errorRate, slowdown };
}

function sameState(one: FaultState, other: FaultState): boolean {
  return one.down === other.down && one.errorRate === other.errorRate && one.slowdown === other.slowdown;
}
