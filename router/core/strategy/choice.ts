import type { CompiledConfig, RouteSpec } from "../compiled-config.ts";
import type { EndpointId } from "../messages.ts";
import type { RouterState } from "../state.ts";

/** What a strategy may look at. `eligible` holds at least one endpoint, in the order of the configuration. */
export interface Choice {
  readonly config: CompiledConfig;
  readonly state: RouterState;
  readonly route: RouteSpec;
  readonly eligible: readonly EndpointId[];
}

/** Picks one of `eligible`. Its memory, where it has one, is part of the router's state. */
export type Strategy = (choice: Choice) => EndpointId;
