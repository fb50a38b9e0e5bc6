import type { IncomingMessage, ServerResponse } from "node:http";
import type { RouteSpec } from "../core/compiled-config.ts";
import { scanBody } from "../providers/body-scan.ts";
import { encoded, errorBody, type HttpError, malformed, noModel, tooLarge, unknownKey, unknownModel } from "./http-errors.ts";
import { readBody } from "./read-body.ts";
import type { RouterService } from "./router-service.ts";

const bodyBytesMax = 20 * 1024 * 1024;

/** `POST /v1/chat/completions`. */
export function handleChat(service: RouterService, routes: ReadonlyMap<string, RouteSpec>, request: IncomingMessage, response: ServerResponse): void {
  const refuse = (error: HttpError): void => {
    service.metrics.requestInvalid(error.status);
    sendError(response, error);
  };
  const tenant = service.tenantOf(request);
  if (tenant === null) {
    request.resume();
    refuse(unknownKey);
    return;
  }
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    request.resume();
    refuse(encoded(encoding));
    return;
  }
  readBody(
    request,
    bodyBytesMax,
    (body) => {
      const result = scanBody(body);
      if (result.kind === "malformed") {
        refuse(malformed(result.message));
        return;
      }
      const { scan } = result;
      if (scan.model === null) {
        refuse(noModel);
        return;
      }
      const route = routes.get(scan.model);
      if (route === undefined) refuse(unknownModel(scan.model));
      else service.admit(route, tenant, scan, request.headers, response);
    },
    () => refuse(tooLarge(bodyBytesMax)),
  );
}

/** @param headers name, value, name, value */
export function sendError(response: ServerResponse, error: HttpError, headers: readonly string[] = []): void {
  sendJson(response, error.status, errorBody(error), headers);
}

export function sendJson(response: ServerResponse, status: number, body: string, headers: readonly string[] = []): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, ["content-type", "application/json", "content-length", String(bytes.length), ...headers]);
  response.end(bytes);
}
