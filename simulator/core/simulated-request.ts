import { type RequestId, type RouteId, type RouteRequest, type TenantId, unlabelled } from "../../router/core/messages.ts";
import { never } from "../../router/core/time.ts";

/** A request as a simulated replica tells its router of it: once it has finished it is written over with the next (see SpareSlots). */
export type SimulatedRequest = { -readonly [Key in keyof RouteRequest]: RouteRequest[Key] };

/** Who, what and how much is still to be written. */
export function blankRequest(): SimulatedRequest {
  return {
    id: -1 as RequestId,
    serial: -1,
    tenant: -1 as TenantId,
    route: -1 as RouteId,
    inputTokens: 0,
    batch: false,
    stream: true,
    outputTokensMax: 0,
    priority: 0,
    deadline: never,
    blocks: null,
    tags: unlabelled.tags,
    tagMatch: unlabelled.tagMatch,
    region: unlabelled.region,
    residency: unlabelled.residency,
    barred: unlabelled.barred,
  };
}
