import type { IncomingMessage, ServerResponse } from "node:http";
import { unknownKey, unknownRequest } from "./http-errors.ts";
import { sendError, sendJson, type Surface } from "./model-route.ts";

/** `GET /v1/requests/{id}`: who served a request, in which attempts, and what it cost; a caller sees only its own. */
export function showRequest({ service }: Surface, request: IncomingMessage, response: ServerResponse, path: string): void {
  const tenant = service.tenantOf(request);
  const name = path.slice("/v1/requests/".length);
  const told = tenant === null ? null : service.requestTold(name, tenant);
  if (tenant === null) sendError(response, "openai-chat", unknownKey);
  else if (told === null) sendError(response, "openai-chat", unknownRequest(name));
  else sendJson(response, 200, JSON.stringify(told));
}
