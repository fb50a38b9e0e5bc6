import { keyedUnit, purposeOf } from "../../../router/core/random.ts";
import type { FailureKind } from "../../../router/core/messages.ts";
import type { FaultState } from "../endpoint.ts";

const errorPurpose = purposeOf("endpoint-error");

/** What an active fault does to a new call. An error belongs to (request, endpoint): asking the same endpoint again meets it again. */
export function faultRefusal(fault: FaultState, seed: number, serial: number, index: number): FailureKind | null {
  if (fault.down) return "connect-failed";
  if (fault.errorRate > 0 && keyedUnit(seed, errorPurpose, serial, index) < fault.errorRate) return "server-error";
  return null;
}
