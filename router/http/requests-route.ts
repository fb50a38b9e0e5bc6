import { unknownKey, unknownRequest } from "./http-errors.ts";
import type { Exchange } from "./ingress/exchange.ts";
import { sendError, sendJson, type Surface } from "./model-route.ts";

/** `GET /v1/requests/{id}`: who served a request, in which attempts, and what it cost; a caller sees only its own. */
export function showRequest({ service }: Surface, exchange: Exchange, path: string): void {
  const tenant = service.tenantOf(exchange.headers);
  const name = path.slice("/v1/requests/".length);
  const told = tenant === null ? null : service.requestTold(name, tenant);
  if (tenant === null) sendError(exchange, "openai-chat", unknownKey);
  else if (told === null) sendError(exchange, "openai-chat", unknownRequest(name));
  else sendJson(exchange, 200, JSON.stringify(told));
}
