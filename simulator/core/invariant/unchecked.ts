import type { RouterCommand } from "../../../router/core/messages.ts";

type UncheckedKind = "start-probe" | "weight-changed" | "record-decision" | "ask-lease" | "ask-probes" | "return-probes" | "return-lease" | "budget-noticed";
type Unchecked = Extract<RouterCommand, { kind: UncheckedKind }>;

const unchecked: ReadonlySet<RouterCommand["kind"]> = new Set<UncheckedKind>([
  "start-probe",
  "weight-changed",
  "record-decision",
  "ask-lease",
  "ask-probes",
  "return-probes",
  "return-lease",
  "budget-noticed",
]);

/** What the checker of a single router has nothing to hold against. */
export const isUnchecked = (command: RouterCommand): command is Unchecked => unchecked.has(command.kind);
