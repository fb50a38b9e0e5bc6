import { clientsDialect } from "./clients-dialect.ts";
import { unknownKey, unknownModel } from "./http-errors.ts";
import type { Exchange } from "./ingress/exchange.ts";
import { sendError, sendJson, type Surface } from "./model-route.ts";

const created = Math.floor(Date.now() / 1000);

const openAiModel = (id: string): object => ({ id, object: "model", created, owned_by: "headgate" });
const anthropicModel = (id: string): object => ({ type: "model", id, display_name: id, created_at: new Date(created * 1000).toISOString() });

/** `GET /v1/models`: what callers can ask for, in the dialect that they speak. */
export function listModels({ routes, service }: Surface, exchange: Exchange): void {
  const names = routes.names();
  const dialect = clientsDialect(exchange.headers, "/v1/models");
  if (service.tenantOf(exchange.headers) === null) {
    sendError(exchange, dialect, unknownKey);
    return;
  }
  const list =
    dialect === "anthropic-messages"
      ? { data: names.map(anthropicModel), has_more: false, first_id: names[0] ?? null, last_id: names.at(-1) ?? null }
      : { object: "list", data: names.map(openAiModel) };
  sendJson(exchange, 200, JSON.stringify(list));
}

/** `GET /v1/models/{name}`. */
export function showModel({ routes, service }: Surface, exchange: Exchange, path: string): void {
  const name = decoded(path.slice("/v1/models/".length));
  const dialect = clientsDialect(exchange.headers, path);
  if (service.tenantOf(exchange.headers) === null) sendError(exchange, dialect, unknownKey);
  else if (routes.get(name) === undefined) sendError(exchange, dialect, unknownModel(name));
  else sendJson(exchange, 200, JSON.stringify(dialect === "anthropic-messages" ? anthropicModel(name) : openAiModel(name)));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
