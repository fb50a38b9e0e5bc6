import type { Instant } from "../../../router/core/machine.ts";

export type InvariantId = "I1" | "I2" | "I3" | "I5" | "I6" | "I7" | "I8" | "I10" | "I14" | "I15" | "I16";

export interface Violation {
  readonly invariant: InvariantId;
  readonly at: Instant;
  readonly what: string;
}

export type Violate = (invariant: InvariantId, what: string) => void;
