/** What a simulated replica has under way. */
import type { ConfigVersion } from "../../router/core/compiled-config.ts";
import type { Instant } from "../../router/core/machine.ts";
import type { DeploymentId, EndpointId, FinishResult, RequestId, RouteRequest, Usage } from "../../router/core/messages.ts";

export interface OpenRequest {
  readonly request: RouteRequest;
  readonly arrivedAt: Instant;
  /** The endpoints' to know. */
  readonly outputTokens: number;
  started: Instant | null;
  deployment: DeploymentId | null;
  /** Known with its first attempt. */
  version: ConfigVersion | null;
  committed: OpenAttempt | null;
  first: Instant | null;
}

export interface OpenAttempt {
  readonly request: RequestId;
  readonly endpoint: EndpointId;
  readonly deployment: DeploymentId;
  readonly startedAt: Instant;
  aborted: boolean;
  /** Nothing more will be heard of it, or nobody listens any more. */
  over: boolean;
  /** As its endpoint has said at its end. */
  usage: Usage | null;
}

export interface Finished {
  readonly request: RequestId;
  readonly result: FinishResult;
  readonly account: { readonly nanoDollars: number; readonly priced: boolean; readonly attempts: number };
  readonly version: ConfigVersion | null;
}
