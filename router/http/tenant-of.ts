import { hash } from "node:crypto";
import type { TenantId } from "../core/messages.ts";
import type { CallerHeaders } from "./ingress/exchange.ts";

/** Whose key it is; null: nobody's. Only digests are kept, so that neither memory nor configuration holds a tenant's key. */
export function tenantOf(tenants: ReadonlyMap<string, TenantId> | null, headers: CallerHeaders): TenantId | null {
  if (tenants === null) return 0 as TenantId;
  const key = keyOf(headers);
  if (key === null) return null;
  return tenants.get(hash("sha256", key, "hex")) ?? null;
}

/** As OpenAI's, Anthropic's and Azure's clients send it. */
function keyOf(headers: CallerHeaders): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const key = headers.get("x-api-key") ?? headers.get("api-key");
  return key !== undefined && key !== "" ? key : null;
}
