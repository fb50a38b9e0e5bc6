import type { CompiledConfig, RouteSpec } from "../core/compiled-config.ts";
import type { Instant } from "../core/machine.ts";
import type { DeploymentId, RequestId, RouteRequest, TenantId } from "../core/messages.ts";
import { after, millis, never } from "../core/time.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import type { Asks } from "./read-asks.ts";
import { labelsOf } from "./request-labels.ts";

/** A call to a model that the surface has read. */
export interface AdmittedCall {
  readonly route: RouteSpec;
  readonly tenant: TenantId;
  readonly caller: CallerRequest;
  readonly asks: Asks;
  /** Deployments that cannot serve it. */
  readonly barred: readonly DeploymentId[];
}

export interface AdmittedAs {
  readonly id: RequestId;
  readonly serial: number;
  readonly now: Instant;
  /** Nobody asks for more than its tenant may. */
  readonly tenantsKnown: boolean;
}

/** What the core is told of a call. */
export function routedCall({ route, tenant, caller, asks, barred }: AdmittedCall, config: CompiledConfig, as: AdmittedAs): RouteRequest {
  const { scan } = caller;
  const own = config.tenants[tenant]?.priority ?? 0;
  const asked = typeof asks.priority === "number" ? Math.floor(asks.priority) : own;
  return {
    id: as.id,
    serial: as.serial,
    tenant,
    route: route.id,
    inputTokens: estimateTokens(scan.body.length),
    outputTokensMax: scan.outputTokensMax ?? route.outputTokensDefault,
    stream: scan.stream,
    priority: as.tenantsKnown ? Math.min(asked, own) : asked,
    deadline: typeof asks.maxLatencyMs === "number" ? after(as.now, millis(asks.maxLatencyMs)) : never,
    blocks: null,
    barred,
    ...labelsOf(asks, config),
  };
}
