import { scanBody } from "../providers/body-scan.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { malformed, unknownModel } from "./http-errors.ts";
import type { Exchange } from "./ingress/exchange.ts";
import { receiveBody, sendJson, type Surface } from "./model-route.ts";

/** `POST /v1/messages/count_tokens`: the router's own estimate, and said to be one. */
export function countTokens(surface: Surface, exchange: Exchange): void {
  receiveBody(surface, "anthropic-messages", exchange, (body, _tenant, refuse) => {
    const result = scanBody(body);
    if (result.kind === "malformed") refuse(malformed(result.message));
    else if (surface.routes.get(result.scan.model ?? "") === undefined) refuse(unknownModel(result.scan.model ?? ""));
    else sendJson(exchange, 200, JSON.stringify({ input_tokens: estimateTokens(body.length) }), ["x-headgate-estimated", "true"]);
  });
}
