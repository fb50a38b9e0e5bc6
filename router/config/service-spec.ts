import type { Rates } from "../core/accounting/rates.ts";
import type { DeploymentId, LeaseKey, TenantId } from "../core/messages.ts";
import type { Secret } from "./secret.ts";

/** What the service needs beyond the core's CompiledConfig: addresses, upstream paths, keys. */
export interface ServiceSpec {
  readonly listen: CallerListenSpec;
  /** Null: callers connect without TLS. */
  readonly tls: TlsSpec | null;
  readonly egress: EgressSpec;
  /** Where what must outlive the process is kept; null: nowhere. */
  readonly stateFolder: string | null;
  readonly metrics: ListenSpec;
  /** By EndpointId. */
  readonly endpoints: readonly UpstreamSpec[];
  /** By the digest (hexadecimal SHA-256) of a caller's key; null: no tenants are configured. */
  readonly tenantOf: ReadonlyMap<string, TenantId> | null;
  /** Null: no page may call from a browser. */
  readonly cors: CorsSpec | null;
  /** How often vLLM servers are asked for their load, milliseconds; null: never. */
  readonly signalsEveryMs: number | null;
  /** Where this router is; empty: not known. A new version of the configuration does not move it. */
  readonly here: { readonly region: string; readonly zone: string };
  readonly periods: readonly BudgetPeriod[];
  readonly priceChanges: readonly PriceChange[];
}

/** As PEM. */
export interface TlsSpec {
  readonly cert: string;
  readonly key: string;
}

export interface CorsSpec {
  /** `*`: whatever it is. */
  readonly origins: readonly string[];
  readonly maxAgeSeconds: number;
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

/** A key, or how Google's access tokens are come by: a credentials file (service account, workload identity), or the environment's own (null). */
export type UpstreamKey = { readonly kind: "secret"; readonly secret: Secret } | { readonly kind: "google"; readonly file: string | null };

export interface ListenSpec {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface CallerListenSpec extends ListenSpec {
  /** Requests that can be read in one way only are read by the router itself; else all of them by Node's HTTP server. */
  readonly fastLane: boolean;
  readonly limits: RequestLimits;
}

/** What callers may send, and how slowly. */
export interface RequestLimits {
  readonly headerBytes: number;
  readonly bodyBytes: number;
  readonly headerTimeMs: number;
  readonly requestTimeMs: number;
  readonly keepAliveMs: number;
  /** Infinity: as many as the system allows. */
  readonly connections: number;
}

/** The way to the providers. */
export interface EgressSpec {
  /** URL of the proxy for https origins, with its password; null: none. */
  readonly proxy: string | null;
  /** Reached without it: hosts, domains, `*`; each may have a port. In small letters. */
  readonly direct: readonly string[];
  /** Private authorities beside the usual ones, as PEM; null: none. */
  readonly ca: string | null;
}

export interface UpstreamSpec {
  readonly deployment: DeploymentId;
  readonly provider: ProviderName;
  readonly origin: string;
  /** Before `/v1/...`; empty where there is none. */
  readonly basePath: string;
  readonly model: string;
  /** Of Azure; null: the adapter's default. */
  readonly apiVersion: string | null;
  /** Of Vertex. */
  readonly project: string | null;
  readonly location: string | null;
  /** Null: the upstream asks for none, or keys were not asked for. */
  readonly key: UpstreamKey | null;
}
export const providerNames = ["vllm", "openai", "azure", "anthropic", "vertex", "openai-compatible"] as const;
export type ProviderName = (typeof providerNames)[number];
