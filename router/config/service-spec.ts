import type { Rates } from "../core/accounting/rates.ts";
import type { DeploymentId, LeaseKey, TenantId } from "../core/messages.ts";
import type { Secret } from "./secret.ts";

/** What the service needs beyond the core's CompiledConfig: addresses, upstream paths, keys. */
export interface ServiceSpec {
  readonly listen: ListenSpec;
  readonly metrics: ListenSpec;
  /** By EndpointId. */
  readonly endpoints: readonly UpstreamSpec[];
  /** By the digest (hexadecimal SHA-256) of a caller's key; null: no tenants are configured. */
  readonly tenantOf: ReadonlyMap<string, TenantId> | null;
  readonly periods: readonly BudgetPeriod[];
  readonly priceChanges: readonly PriceChange[];
}

/** From an instant on, milliseconds since the epoch. */
export interface PriceChange {
  readonly deployment: DeploymentId;
  readonly fromMs: number;
  readonly rates: Rates | null;
}

/** When a budget begins anew. */
export interface BudgetPeriod {
  readonly lease: LeaseKey;
  readonly per: "hour" | "day" | "month";
  /** IANA name. */
  readonly timeZone: string;
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
