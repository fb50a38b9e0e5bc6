import { hash } from "node:crypto";
import type { TenantId } from "../core/messages.ts";
import type { CallerHeaders } from "./ingress/exchange.ts";

/** Beyond it they are forgotten, all at once. */
const recentMax = 1000;
const everybody = 0 as TenantId;
const bearer = "Bearer ";

/** Whose key a request carries. The configuration has digests only; keys that callers have used lately are remembered as they came, so that not every request is hashed. */
export class TenantKeys {
  readonly #tenants: ReadonlyMap<string, TenantId> | null;
  readonly #recent = new Map<string, TenantId>();

  /** @param tenants by digest; null: there are none, and everybody is let in */
  constructor(tenants: ReadonlyMap<string, TenantId> | null) {
    this.#tenants = tenants;
  }

  /** Null: nobody's. */
  tenantOf(headers: CallerHeaders): TenantId | null {
    if (this.#tenants === null) return everybody;
    const key = keyOf(headers);
    if (key === null) return null;
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const tenant = this.#tenants.get(hash("sha256", key, "hex"));
    if (tenant === undefined) return null;
    if (this.#recent.size >= recentMax) this.#recent.clear();
    this.#recent.set(key, tenant);
    return tenant;
  }
}

/** As OpenAI's, Anthropic's and Azure's clients send it. */
function keyOf(headers: CallerHeaders): string | null {
  const authorization = headers.get("authorization");
  const token = authorization === undefined ? null : tokenOf(authorization);
  if (token !== null) return token;
  const key = headers.get("x-api-key") ?? headers.get("api-key");
  return key !== undefined && key !== "" ? key : null;
}

function tokenOf(authorization: string): string | null {
  if (authorization.startsWith(bearer)) {
    const token = authorization.slice(bearer.length);
    if (token !== "" && !/\s/.test(token)) return token;
  }
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? null;
}
