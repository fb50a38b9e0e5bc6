import { hash } from "node:crypto";
import type { TenantId } from "../core/messages.ts";
import type { CallerHeaders } from "./ingress/exchange.ts";

const everybody = 0 as TenantId;
const bearer = "Bearer ";

/** Whose key a request carries. The configuration has digests only, and nothing else is kept. */
export class TenantKeys {
  readonly #tenants: ReadonlyMap<string, TenantId> | null;

  /** @param tenants by digest; null: there are none, and everybody is let in */
  constructor(tenants: ReadonlyMap<string, TenantId> | null) {
    this.#tenants = tenants;
  }

  /** Null: nobody's. */
  tenantOf(headers: CallerHeaders): TenantId | null {
    if (this.#tenants === null) return everybody;
    const key = keyOf(headers);
    if (key === null) return null;
    return this.#tenants.get(hash("sha256", key, "hex")) ?? null;
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
