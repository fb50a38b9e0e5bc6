import type { RouteSpec } from "../core/compiled-config.ts";
import { type BodyScan, scanBody, unreadBody } from "../providers/body-scan.ts";
import { adapterFor } from "../providers/registry.ts";
import { unknownModel, unknownPath } from "./http-errors.ts";
import type { CallerHeaders, Exchange } from "./ingress/exchange.ts";
import { idsInText } from "./issued-ids.ts";
import { admitCall, receiveBody, type Surface } from "./model-route.ts";

/**
 * A path below `/v1/` that the router does not know: it goes as it came to a provider that speaks OpenAI's dialect, with all limits. Which one: the keeper of an id in
 * the path; else the route that the body's `model`, the header `x-headgate-model` or the query's `model` names; else the first route with such a provider.
 */
export function handlePassed(surface: Surface, exchange: Exchange, path: string): void {
  receiveBody(surface, "openai-other", exchange, (body, tenant, refuse) => {
    const url = exchange.target;
    if (!sendable.test(url)) {
      refuse(unknownPath(path));
      return;
    }
    const scan = readScan(exchange.headers, body);
    const model = scan.model ?? modelOf(exchange.headers, url);
    const named = model === null ? undefined : surface.routes.get(model);
    if (model !== null && named === undefined) {
      refuse(unknownModel(model));
      return;
    }
    const route = named ?? firstRoute(surface);
    if (route === null) {
      refuse(unknownPath(path));
      return;
    }
    const passed = { method: exchange.method, path: url };
    const ids = [...idsInText(path), ...(scan.continues === null ? [] : [scan.continues]), ...idsInBody(exchange.headers, body)];
    admitCall(surface, { route, tenant, dialect: "openai-other", scan, passed, ids }, exchange, refuse);
  });
}

const sendable = /^[\x21-\x7e]+$/;

const isJson = (headers: CallerHeaders, body: Buffer): boolean => body.length > 0 && /^application\/json\b/i.test(headers.get("content-type") ?? "");

function readScan(headers: CallerHeaders, body: Buffer): BodyScan {
  if (!isJson(headers, body)) return unreadBody(body);
  const result = scanBody(body);
  return result.kind === "scanned" ? result.scan : unreadBody(body);
}

function modelOf(headers: CallerHeaders, url: string): string | null {
  const header = headers.get("x-headgate-model");
  if (header !== undefined && header !== "") return header;
  return URL.canParse(url, "http://x") ? new URL(url, "http://x").searchParams.get("model") : null;
}

function firstRoute({ routes, config }: Surface): RouteSpec | null {
  for (const route of routes.all)
    if (route.deployments.some((id) => adapterFor(config.deployments[id]?.provider ?? "").handles("openai-other") === "passes")) return route;
  return null;
}

/** A batch refers to its file in the body. What is no JSON is a file itself, and its text nobody's business. */
function idsInBody(headers: CallerHeaders, body: Buffer): readonly string[] {
  return isJson(headers, body) ? idsInText(body.toString("latin1")) : [];
}
