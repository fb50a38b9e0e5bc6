import { partsOf } from "../../router/providers/sent-body.ts";
import { scanBody } from "../../router/providers/body-scan.ts";
import type { CallerRequest, Dialect, EncodedRequest, ProviderAdapter, Target } from "../../router/providers/provider-adapter.ts";

export const someTarget: Target = { origin: "http://provider", basePath: "", model: "upstream-model", apiVersion: null, project: null, location: null };

/** A caller's request as the surface hands it to an adapter. @param body JSON text, or what it stands for */
export function callerRequest(dialect: Dialect, body: unknown, headers: readonly string[] = []): CallerRequest {
  const result = scanBody(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
  if (result.kind === "malformed") throw new Error(result.message);
  return { dialect, scan: result.scan, headers, passed: null };
}

export function encodedBy(adapter: ProviderAdapter, request: CallerRequest, target: Target = someTarget): EncodedRequest {
  const encoded = adapter.encode(request, target);
  if (encoded.kind === "refused") throw new Error(`refused: ${encoded.field}: ${encoded.message}`);
  return encoded;
}

export const bodyText = ({ body }: EncodedRequest): string => Buffer.concat(partsOf(body)).toString("utf8");
