import type { DeploymentId } from "../core/messages.ts";
import type { Secret } from "./secret.ts";

/** What the service needs beyond the core's CompiledConfig: addresses, upstream paths, keys. */
export interface ServiceSpec {
  readonly listen: ListenSpec;
  readonly metrics: ListenSpec;
  /** By EndpointId. */
  readonly endpoints: readonly UpstreamSpec[];
}

export interface ListenSpec {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface UpstreamSpec {
  readonly deployment: DeploymentId;
  readonly provider: ProviderName;
  readonly origin: string;
  /** Before `/v1/...`; empty where there is none. */
  readonly basePath: string;
  readonly model: string;
  /** Null: the upstream asks for none, or keys were not asked for. */
  readonly key: Secret | null;
}
export type ProviderName = "vllm" | "openai-compatible";
