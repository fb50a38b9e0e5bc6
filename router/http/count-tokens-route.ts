import type { IncomingMessage, ServerResponse } from "node:http";
import { scanBody } from "../providers/body-scan.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { malformed, unknownModel } from "./http-errors.ts";
import { receiveBody, sendJson, type Surface } from "./model-route.ts";

/** `POST /v1/messages/count_tokens`: the router's own estimate, and said to be one. */
export function countTokens(surface: Surface, request: IncomingMessage, response: ServerResponse): void {
  receiveBody(surface, "anthropic-messages", request, response, (body, _tenant, refuse) => {
    const result = scanBody(body);
    if (result.kind === "malformed") refuse(malformed(result.message));
    else if (surface.routes.get(result.scan.model ?? "") === undefined) refuse(unknownModel(result.scan.model ?? ""));
    else sendJson(response, 200, JSON.stringify({ input_tokens: estimateTokens(body.length) }), ["x-headgate-estimated", "true"]);
  });
}
