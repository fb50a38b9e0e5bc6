import type { ConfigVersion } from "../../../router/core/compiled-config.ts";
import type { Instant } from "../../../router/core/machine.ts";
import type { BreakerPhase, DeploymentId, EndpointId, RouteId, TenantId } from "../../../router/core/messages.ts";

/** What became of one request, as its caller saw it: the simulator and the replay write the same. Instants are of one monotonic clock. */
export interface RequestRecord {
  /** Arrival number. */
  readonly serial: number;
  readonly route: RouteId;
  readonly tenant: TenantId;
  /** Of the attempt that was answered with, or else of the last one; null when there was none. */
  readonly deployment: DeploymentId | null;
  readonly result: RequestResult;
  /** The FailureKind of `failed` and `cut`, the RejectReason of `rejected`; otherwise null. */
  readonly why: string | null;
  /** When the trace says that it comes: what latencies count from. */
  readonly scheduled: Instant;
  readonly sent: Instant;
  /** Its first attempt; null: there was none, or nobody saw it. */
  readonly started: Instant | null;
  /** First event with content, reasoning or a tool call; null when none came. */
  readonly first: Instant | null;
  /** Last such event. */
  readonly last: Instant | null;
  readonly end: Instant;
  readonly inputTokens: number;
  /** Of them, read from a prefix cache, as the answering endpoint says. */
  readonly cachedTokens: number;
  /** Received. */
  readonly outputTokens: number;
  readonly attempts: number;
  readonly nanoDollars: number;
  /** False: tokens were used at a deployment without a price; they are not in `nanoDollars`. */
  readonly priced: boolean;
  /** It was allowed to be delayed; absent: not. */
  readonly batch?: boolean;
  /** Of the configuration that it arrived under; null: not known. */
  readonly version: ConfigVersion | null;
}

export type RequestResult = "served" | "cut" | "client-left" | "failed" | "rejected";

export interface BreakerChange {
  readonly endpoint: EndpointId;
  readonly from: BreakerPhase;
  readonly to: BreakerPhase;
  readonly at: Instant;
  /** Whose breaker. */
  readonly replica: number;
}
