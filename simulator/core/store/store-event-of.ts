import type { RouterCommand } from "../../../router/core/messages.ts";
import type { StoreEvent } from "./lease-store-model.ts";

/** What a replica's core says to the store of leases. */
type CoreToStore = Extract<RouterCommand, { kind: "ask-lease" | "return-lease" | "ask-probes" | "return-probes" }>;

export function storeEventOf(command: CoreToStore, replica: number): StoreEvent {
  switch (command.kind) {
    case "ask-lease":
      return { ...command, kind: "lease-asked", replica };
    case "return-lease":
      return { ...command, kind: "lease-returned", replica };
    case "ask-probes":
      return { ...command, kind: "probes-asked", replica };
    case "return-probes":
      return { ...command, kind: "probes-returned", replica };
  }
}
