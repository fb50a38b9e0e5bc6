import type { EndpointModelSpec } from "./compiled-scenario.ts";
import type { EndpointModel } from "./endpoint.ts";
import { LiveCalls } from "./endpoint/live-calls.ts";
import { VllmReplica } from "./endpoint/vllm-replica.ts";
import { type EngineMaker, engineMaker } from "./engine/create-engine.ts";
import type { EngineSpec } from "./engine/engine-spec.ts";
import { LinkedEndpoint } from "./network/linked-endpoint.ts";
import { HostedProvider } from "./hosted/hosted-provider.ts";

export interface EndpointOptions {
  /** The run's. Draws that belong to a request are keyed by its serial, so that simulator and mock see the same ones. */
  readonly seed: number;
  /** The endpoint's place in the configuration: which of a request's draws are this endpoint's. */
  readonly index: number;
  /** "tokens": every token at its own instant (the mock); "first-token": only the first (the simulator). Both end calls at the same instants. */
  readonly detail: "first-token" | "tokens";
  /** Whether the line to it may ever be slow, lossy or cut: without, it costs nothing. */
  readonly line: boolean;
}

/** Each in turn, by their specifications; engines of one specification share what does not change, and all what they need for a moment. */
export function endpointMaker(): (spec: EndpointModelSpec, options: EndpointOptions) => EndpointModel {
  const engines = new Map<EngineSpec, EngineMaker>();
  const calls = new LiveCalls();
  const engineOf = (spec: EngineSpec): EngineMaker => {
    const known = engines.get(spec);
    if (known !== undefined) return known;
    const made = engineMaker(spec);
    engines.set(spec, made);
    return made;
  };
  const modelOf = (spec: EndpointModelSpec, options: EndpointOptions): EndpointModel => {
    switch (spec.kind) {
      case "vllm":
        return new VllmReplica(spec, engineOf(spec.engine)(options), options, calls);
      case "hosted":
        return new HostedProvider(spec, options);
    }
  };
  return (spec, options) => {
    const model = modelOf(spec, options);
    return options.line ? new LinkedEndpoint(model, options) : model;
  };
}

export function createEndpoint(spec: EndpointModelSpec, options: EndpointOptions): EndpointModel {
  return endpointMaker()(spec, options);
}
