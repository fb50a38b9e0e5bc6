import { type Parsed, scalar, shown } from "./scalars.ts";

export interface EndpointUrl {
  readonly origin: string;
  /** Before `/v1/...`; empty where there is none. */
  readonly basePath: string;
}

/** `http://host:port`, with a path where the API does not stand at the root; a trailing `/v1` is taken off. */
export function parseEndpointUrl(value: unknown): Parsed<EndpointUrl> {
  const fix = "write http://host:port or https://host/path, without key, query or fragment";
  if (typeof value !== "string") return { message: `must be a URL, not ${shown(value)}`, fix };
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return { message: `${shown(value)} is not an http or https URL`, fix };
  if (url.username !== "" || url.password !== "") return { message: "a URL must carry no user or password", fix: "give the key as key: ${ENV_NAME}" };
  if (url.search !== "" || url.hash !== "") return { message: `${shown(value)} has a query or fragment`, fix };
  return { value: { origin: url.origin, basePath: url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "") } };
}
export const endpointUrl = scalar({ type: "string", format: "uri", examples: ["http://127.0.0.1:9101"] }, parseEndpointUrl);
