import type { CompiledConfig, RouteSpec } from "../core/compiled-config.ts";
import type { DeploymentId, TenantId } from "../core/messages.ts";
import type { RouteNames } from "../core/route-names.ts";
import { type BodyScan, scanBody } from "../providers/body-scan.ts";
import type { CallerRequest, Dialect, PassedRequest } from "../providers/provider-adapter.ts";
import { dialectHandling } from "./dialect-handling.ts";
import { errorDialect } from "./error-dialect.ts";
import type { Exchange } from "./ingress/exchange.ts";
import { encoded, type HttpError, invalidAsk, malformed, noModel, notServed, tooLarge, unknownId, unknownKey, unknownModel } from "./http-errors.ts";
import { passedHeaders } from "./passed-headers.ts";
import { readAsks } from "./read-asks.ts";
import type { RouterService } from "./router-service.ts";

/** What the handlers of calls to models share. */
export interface Surface {
  readonly service: RouterService;
  readonly config: CompiledConfig;
  /** Those that callers can ask for, by name. */
  readonly routes: RouteNames;
  readonly bodyBytesMax: number;
}

/** A call to a model in one of the dialects: `POST /v1/chat/completions` and its like. */
export function handleModelCall(surface: Surface, dialect: Dialect, exchange: Exchange): void {
  receiveBody(surface, dialect, exchange, (body, tenant, refuse) => {
    const result = scanBody(body);
    if (result.kind === "malformed") {
      refuse(malformed(result.message));
      return;
    }
    const { scan } = result;
    const route = scan.model === null ? undefined : surface.routes.get(scan.model);
    if (scan.model === null) refuse(noModel);
    else if (route === undefined) refuse(unknownModel(scan.model));
    else admitCall(surface, { route, tenant, dialect, scan, passed: null, ids: scan.continues === null ? [] : [scan.continues] }, exchange, refuse);
  });
}

export type Refuse = (error: HttpError) => void;

/** Whose request it is, and its whole body; or a refusal. */
export function receiveBody(
  { service, bodyBytesMax }: Surface,
  dialect: Dialect,
  exchange: Exchange,
  whole: (body: Buffer, tenant: TenantId, refuse: Refuse) => void,
): void {
  const refuse: Refuse = (error) => {
    service.metrics.requestInvalid(error.status);
    sendError(exchange, dialect, error);
  };
  const tenant = service.tenantOf(exchange.headers);
  if (tenant === null) {
    exchange.discardBody();
    refuse(unknownKey);
    return;
  }
  const encoding = exchange.headers.get("content-encoding");
  if (encoding !== undefined && encoding !== "identity") {
    exchange.discardBody();
    refuse(encoded(encoding));
    return;
  }
  exchange.receiveBody(
    bodyBytesMax,
    (body) => whole(body, tenant, refuse),
    () => refuse(tooLarge(bodyBytesMax)),
  );
}

export interface ModelCall {
  readonly route: RouteSpec;
  readonly tenant: TenantId;
  readonly dialect: Dialect;
  readonly scan: BodyScan;
  readonly passed: PassedRequest | null;
  /** Of what a provider keeps, that the request refers to. */
  readonly ids: readonly string[];
}

export function admitCall(surface: Surface, call: ModelCall, exchange: Exchange, refuse: Refuse): void {
  const { dialect, scan, passed, tenant } = call;
  const read = readAsks(exchange.headers, scan.asked);
  if (read.kind === "invalid") {
    refuse(invalidAsk(read.field, read.message));
    return;
  }
  const { memory } = surface.service;
  const foreign = memory.foreignOf(call.ids, tenant);
  if (foreign !== null) {
    refuse(unknownId(foreign));
    return;
  }
  const issuer = memory.issuerOf(call.ids);
  const route = issuer !== null && !call.route.deployments.includes(issuer.deployment) ? (surface.config.routes[issuer.route] ?? call.route) : call.route;
  const barred = issuer === null ? dialectHandling(surface.config, dialect).lack : allBut(surface.config, issuer.deployment);
  if (route.deployments.every((id) => barred.includes(id))) {
    refuse(notServed(dialect, route.name));
    return;
  }
  const caller: CallerRequest = { dialect, scan, headers: passedHeaders(exchange.headers, dialect), passed };
  surface.service.admit({ route, tenant, caller, asks: read.asks, barred, only: issuer?.endpoint ?? null }, exchange);
}

const allBut = ({ deployments }: CompiledConfig, only: DeploymentId): readonly DeploymentId[] => deployments.map(({ id }) => id).filter((id) => id !== only);

/** @param headers name, value, name, value */
export function sendError(exchange: Exchange, dialect: Dialect, error: HttpError, headers: readonly string[] = []): void {
  const spoken = errorDialect(dialect);
  sendJson(exchange, spoken.status(error), spoken.body(error), headers);
}

export function sendJson(exchange: Exchange, status: number, body: string, headers: readonly string[] = []): void {
  exchange.answer(status, ["content-type", "application/json", ...headers], Buffer.from(body));
}
