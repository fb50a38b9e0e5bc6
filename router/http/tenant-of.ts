import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TenantId } from "../core/messages.ts";

/** Whose key it is; null: nobody's. Only digests are kept, so that neither memory nor configuration holds a tenant's key. */
export function tenantOf(tenants: ReadonlyMap<string, TenantId> | null, request: IncomingMessage): TenantId | null {
  if (tenants === null) return 0 as TenantId;
  const key = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (key === undefined) return null;
  return tenants.get(hash("sha256", key, "hex")) ?? null;
}
