import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TenantId } from "../core/messages.ts";

/** Whose key it is; null: nobody's. Only digests are kept, so that neither memory nor configuration holds a tenant's key. */
export function tenantOf(tenants: ReadonlyMap<string, TenantId> | null, request: IncomingMessage): TenantId | null {
  if (tenants === null) return 0 as TenantId;
  const key = keyOf(request);
  if (key === null) return null;
  return tenants.get(hash("sha256", key, "hex")) ?? null;
}

/** As OpenAI's, Anthropic's and Azure's clients send it. */
function keyOf({ headers }: IncomingMessage): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const key = headers["x-api-key"] ?? headers["api-key"];
  return typeof key === "string" && key !== "" ? key : null;
}
