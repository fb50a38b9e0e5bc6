import type { Instant } from "../../../router/core/machine.ts";
import type { ReplicaFaultSpec } from "./fault-spec.ts";

export interface CrashChange {
  readonly replica: number;
  readonly at: Instant;
  /** Or starts anew. */
  readonly dies: boolean;
}

/** Crashes of the replicas that there are, as deaths and new starts in order of time. */
export function crashChanges(faults: readonly ReplicaFaultSpec[], replicas: number): readonly CrashChange[] {
  return faults
    .filter(({ at, until, replica }) => until > at && replica < replicas)
    .flatMap(({ replica, at, until }) => [
      { replica, at, dies: true },
      { replica, at: until, dies: false },
    ])
    .toSorted((one, other) => one.at - other.at);
}
