import type { Duration, Instant } from "../../../router/core/machine.ts";
import type { EndpointId } from "../../../router/core/messages.ts";
import type { FaultSpec } from "../compiled-scenario.ts";
import type { FaultState } from "../endpoint.ts";
import { healthy } from "../endpoint.ts";
import type { EndpointFault } from "./fault-spec.ts";

/** From `at` on these faults, all that are active together, hold at the endpoint. */
export interface FaultChange {
  readonly at: Instant;
  readonly endpoint: EndpointId;
  readonly fault: FaultState;
}

/**
 * A list of faults as the changes of state they make, by instant and endpoint. Overlapping faults of one endpoint combine: down if any is, errors as if
 * they struck independently, slowdowns multiplied, delays added. A fault holds from `at` (included) until `until` (excluded).
 */
export function faultChanges(faults: readonly FaultSpec[]): readonly FaultChange[] {
  const changes: FaultChange[] = [];
  for (const endpoint of new Set(faults.map((fault) => fault.endpoint))) {
    const own = faults.filter((fault) => fault.endpoint === endpoint && fault.until > fault.at);
    const edges = [...new Set(own.flatMap(({ at, until }) => [at, until]))].filter((at) => at !== Infinity).sort((one, other) => one - other);
    let before = healthy;
    for (const at of edges) {
      const fault = own.filter((spec) => spec.at <= at && at < spec.until).reduce((state, spec) => withFault(state, spec.fault), healthy);
      if (!sameState(before, fault)) changes.push({ at, endpoint, fault });
      before = fault;
    }
  }
  return changes.sort((one, other) => one.at - other.at || one.endpoint - other.endpoint);
}

function withFault(state: FaultState, fault: EndpointFault): FaultState {
  switch (fault.kind) {
    case "down":
      return { ...state, down: true };
    case "error":
      return { ...state, errorRate: either(state.errorRate, fault.rate) };
    case "overload":
      return { ...state, overloadRate: either(state.overloadRate, fault.rate) };
    case "slow":
      return { ...state, slowdown: state.slowdown * fault.factor };
    case "cut":
      return { ...state, cutRate: either(state.cutRate, fault.rate) };
    case "stall":
      return { ...state, silent: true };
    case "latency":
      return { ...state, delay: (state.delay + fault.delay) as Duration };
    case "loss":
      return { ...state, loss: either(state.loss, fault.rate) };
    case "partition":
      return { ...state, silent: true, unreachable: true };
  }
}

/** Of two that strike independently. */
export const either = (one: number, other: number): number => one + other - one * other;

function sameState(one: FaultState, other: FaultState): boolean {
  return (Object.keys(healthy) as (keyof FaultState)[]).every((field) => one[field] === other[field]);
}
