import type { ServiceSpec } from "../config/service-spec.ts";
import type { Dialect } from "../providers/provider-adapter.ts";
import { clientsDialect } from "./clients-dialect.ts";
import { answerCors } from "./cors.ts";
import { countTokens } from "./count-tokens-route.ts";
import { type CallerServer, createCallerServer, type ServerPatience } from "./create-server.ts";
import { isForeignPage } from "./foreign-page.ts";
import { foreignPage, unknownPath, wrongMethod } from "./http-errors.ts";
import type { Exchange } from "./ingress/exchange.ts";
import { handleModelCall, sendError, sendJson, type Surface } from "./model-route.ts";
import { listModels, showModel } from "./models-route.ts";
import { handlePassed } from "./passed-route.ts";
import { showRequest } from "./requests-route.ts";
import type { RouterService } from "./router-service.ts";

type Handler = (surface: Surface, exchange: Exchange, path: string) => void;
type Methods = Readonly<Record<string, Handler>>;

const modelCall = (dialect: Dialect): Methods => ({ POST: (surface, exchange) => handleModelCall(surface, dialect, exchange) });

/** What callers can ask for, by path and method. A path that ends in a slash stands for all below it. */
const paths: Readonly<Record<string, Methods>> = {
  "/v1/chat/completions": modelCall("openai-chat"),
  "/v1/completions": modelCall("openai-completions"),
  "/v1/embeddings": modelCall("openai-embeddings"),
  "/v1/responses": modelCall("openai-responses"),
  "/v1/messages": modelCall("anthropic-messages"),
  "/v1/messages/count_tokens": { POST: countTokens },
  "/v1/models": { GET: listModels },
  "/v1/models/": { GET: showModel },
  "/v1/requests/": { GET: showRequest },
  "/health": {
    GET: ({ service }, exchange) => sendJson(exchange, service.draining ? 503 : 200, service.draining ? `{"status":"draining"}` : `{"status":"ok"}`),
  },
};
const below = Object.keys(paths).filter((path) => path.endsWith("/"));
const passed: Methods = { GET: handlePassed, POST: handlePassed, DELETE: handlePassed };

export function createHttpServer(
  service: RouterService,
  { cors, tls, listen }: Pick<ServiceSpec, "cors" | "tls" | "listen">,
  patience: Partial<ServerPatience> = {},
): CallerServer {
  const surface: Surface = {
    service,
    bodyBytesMax: listen.limits.bodyBytes,
    get config() {
      return service.compiled;
    },
    get routes() {
      return service.routes;
    },
  };
  const serve = (exchange: Exchange): void => {
    if (cors !== null && answerCors(cors, exchange)) return;
    const { method, target } = exchange;
    const query = target.indexOf("?");
    const path = query === -1 ? target : target.slice(0, query);
    const methods = methodsAt(path);
    const handler = methods?.[method];
    if (isForeignPage(service, cors, exchange)) {
      exchange.discardBody();
      sendError(exchange, clientsDialect(exchange.headers, path), foreignPage);
    } else if (handler !== undefined) {
      handler(surface, exchange, path);
    } else {
      exchange.discardBody();
      const dialect = clientsDialect(exchange.headers, path);
      if (methods === null) sendError(exchange, dialect, unknownPath(path));
      else sendError(exchange, dialect, wrongMethod(method, path), ["allow", Object.keys(methods).join(", ")]);
    }
  };
  return createCallerServer({ tls, fastLane: listen.fastLane, limits: listen.limits, serve, isDraining: () => service.draining }, patience);
}

/** Null: there is nothing. */
function methodsAt(path: string): Methods | null {
  const known = Object.hasOwn(paths, path) ? paths[path] : paths[below.find((prefix) => path.startsWith(prefix)) ?? ""];
  if (known !== undefined) return known;
  return path.startsWith("/v1/") && isPlain(path) ? passed : null;
}

/** Nothing that a server behind could read as another path than we do. */
function isPlain(path: string): boolean {
  return !/[\\\s]|%2f|%5c|%00|\/\/|\/\.\.?(?:\/|$)|%2e/i.test(path);
}
