import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { handleChat, sendError, sendJson } from "./chat-route.ts";
import { unknownModel, unknownPath, wrongMethod } from "./http-errors.ts";
import type { RouterService } from "./router-service.ts";

/** Above the idle time of the load balancers that stand in front (60 s is usual), so that they close first. */
const keepAliveMs = 75_000;

type Handler = (request: IncomingMessage, response: ServerResponse, path: string) => void;

/** The surface: what callers can ask for, by path and method. */
export function createHttpServer(service: RouterService): Server {
  const created = Math.floor(Date.now() / 1000);
  const model = (name: string) => ({ id: name, object: "model", created, owned_by: "headgate" });
  const surface: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
    "/v1/chat/completions": { POST: (request, response) => handleChat(service, service.routes, request, response) },
    "/v1/models": {
      GET: (_request, response) => sendJson(response, 200, JSON.stringify({ object: "list", data: [...service.routes.keys()].map(model) })),
    },
    "/v1/models/": {
      GET: (_request, response, path) => {
        const name = decoded(path.slice("/v1/models/".length));
        if (service.routes.has(name)) sendJson(response, 200, JSON.stringify(model(name)));
        else sendError(response, unknownModel(name));
      },
    },
    "/health": {
      GET: (_request, response) => {
        if (service.draining) sendJson(response, 503, `{"status":"draining"}`);
        else sendJson(response, 200, `{"status":"ok"}`);
      },
    },
  };
  const server = createServer({ keepAliveTimeout: keepAliveMs, noDelay: true }, (request, response) => {
    response.on("error", () => undefined);
    if (service.draining) response.shouldKeepAlive = false;
    const url = request.url ?? "/";
    const query = url.indexOf("?");
    const path = query === -1 ? url : url.slice(0, query);
    const methods = surface[path.startsWith("/v1/models/") ? "/v1/models/" : path];
    const handler = methods?.[request.method ?? ""];
    if (handler !== undefined) {
      handler(request, response, path);
      return;
    }
    request.resume();
    if (methods === undefined) sendError(response, unknownPath(path));
    else sendError(response, wrongMethod(request.method ?? "", path), ["allow", Object.keys(methods).join(", ")]);
  });
  return server;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
