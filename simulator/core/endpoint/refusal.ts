import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import type { FailureKind } from "../../../router/core/messages.ts";
import type { FaultState } from "../endpoint.ts";

const errorPurpose = purposeOf("endpoint-error");
const overloadPurpose = purposeOf("endpoint-overload");
const cutPurpose = purposeOf("endpoint-cut");
const cutPlacePurpose = purposeOf("endpoint-cut-place");

/** What an active fault does to a new call. An error belongs to (request, endpoint): asking the same endpoint again meets it again. */
export function faultRefusal(fault: FaultState, seed: number, serial: number, index: number): FailureKind | null {
  if (fault.down) return "connect-failed";
  if (fault.errorRate > 0 && keyedUnit(seed, errorPurpose, serial, index) < fault.errorRate) return "server-error";
  if (fault.overloadRate > 0 && keyedUnit(seed, overloadPurpose, serial, index) < fault.overloadRate) return "overloaded";
  return null;
}

/** After how many tokens the answer breaks off; null: it does not. */
export function cutAfterTokens(fault: FaultState, seed: number, serial: number, index: number, outputTokens: number): number | null {
  if (!(fault.cutRate > 0 && keyedUnit(seed, cutPurpose, serial, index) < fault.cutRate)) return null;
  return 1 + Math.floor(keyedUnit(seed, cutPlacePurpose, serial, index) * outputTokens);
}
