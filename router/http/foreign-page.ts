import type { CorsSpec } from "../config/service-spec.ts";
import type { Exchange } from "./ingress/exchange.ts";
import type { RouterService } from "./router-service.ts";

const harmless: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const nobody = { get: () => undefined };

/**
 * A page in some browser, which `cors` does not name, wants to spend where whoever reaches the port may call: a page from elsewhere that knows the port, or one whose name has been
 * made to lead here (DNS rebinding) and that passes for our own. Browsers name the page (`origin`) in whatever is no GET, and no page can leave that out; other clients send none.
 * Where callers have keys, a page has to have one.
 */
export function isForeignPage(service: RouterService, cors: CorsSpec | null, { method, headers }: Exchange): boolean {
  const origin = headers.get("origin");
  if (origin === undefined || harmless.has(method)) return false;
  if (cors !== null && (cors.origins.includes("*") || cors.origins.includes(origin))) return false;
  return service.tenantOf(nobody) !== null;
}
