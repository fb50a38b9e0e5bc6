import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { emptyPage, jsonPage, type MockSurface, type Page, type PageAnswer, type ServedModel } from "../mock-surface.ts";
import { openAiError } from "../http-refusal.ts";
import { parseFields } from "../dialects/body-fields.ts";
import { devPages, type EngineState } from "./dev-pages.ts";
import { HttpMetrics } from "./http-metrics.ts";
import { invalidFields, missing } from "./field-problems.ts";
import { headerOf } from "./read-wishes.ts";
import { vllmMetricsType } from "./vllm-metrics.ts";
import type { VllmOptions } from "./vllm-options.ts";

const unauthorised: PageAnswer = { ...jsonPage({ error: "Unauthorized" }, 401), without: ["vary"] };

/** What a vLLM 0.32 server serves beside its calls, as recorded: pages, keys, CORS, and the headers of everything. @param callPaths paths that take calls, for the page that lists all */
export function vllmSurface(options: VllmOptions, callPaths: readonly string[]): MockSurface {
  const http = new HttpMetrics();
  const state: EngineState = { sleeping: false, paused: false, waiting: [] };
  const pages: Readonly<Record<string, Readonly<Record<string, Page>>>> = {
    ...openPages(options, http),
    ...(options.devMode ? devPages(state) : {}),
    "/openapi.json": {
      GET: () => jsonPage({ openapi: "3.1.0", info: { title: "FastAPI", version: "0.1.0" }, paths: pathsOf([...callPaths, ...Object.keys(pages)]) }),
    },
  };
  return {
    headersOf: (request) => ({
      server: "uvicorn",
      vary: "Origin",
      ...(options.requestIdHeaders ? { "x-request-id": headerOf(request.headers, "x-request-id") ?? randomBytes(16).toString("hex") } : {}),
    }),
    guard: (request, path) => (isLocked(request, path, options) ? unauthorised : preflight(request)),
    pagesAt: (path) => pages[path] ?? responsePages(path),
    watch: (path, request, response) => {
      const startedMs = performance.now();
      const bytes = Number(request.headers["content-length"] ?? 0);
      response.once("close", () => http.ended(path, response.statusCode, (performance.now() - startedMs) / 1000, bytes));
    },
    admit: (call) => {
      if (state.paused) state.waiting.push(call);
      else call();
    },
  };
}

const pathsOf = (paths: readonly string[]): object => Object.fromEntries(paths.map((path) => [path, {}]));

function isLocked(request: IncomingMessage, path: string, { apiKey }: VllmOptions): boolean {
  if (apiKey === null || request.method === "OPTIONS" || !/^\/(?:v1|v2|inference)(?:\/|$)/.test(path)) return false;
  return headerOf(request.headers, "authorization")?.replace(/^bearer /i, "Bearer ") !== `Bearer ${apiKey}`;
}

/** No origin is allowed but by a flag. */
function preflight({ method, headers }: IncomingMessage): PageAnswer | null {
  const asked = headers["access-control-request-method"];
  if (method !== "OPTIONS" || headers.origin === undefined || asked === undefined) return null;
  return {
    status: 400,
    type: "text/plain; charset=utf-8",
    body: "Disallowed CORS origin",
    headers: {
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
      "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY",
      "access-control-max-age": "600",
      "access-control-allow-headers": headerOf(headers, "access-control-request-headers") ?? "",
    },
  };
}

const refusalPage = ({ status, body }: { readonly status: number; readonly body: string }): PageAnswer => ({ status, type: "application/json", body });
const scaleOut = refusalPage(
  openAiError(403, "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.", "PermissionDeniedError", null, 403),
);

function openPages(options: VllmOptions, http: HttpMetrics): Readonly<Record<string, Readonly<Record<string, Page>>>> {
  const empty: Page = () => emptyPage;
  const disabled = { POST: () => scaleOut };
  return {
    "/health": { GET: empty },
    "/ping": { GET: empty, POST: empty },
    "/version": { GET: () => jsonPage({ version: "0.32.0" }) },
    "/v1/models": { GET: ({ models }) => jsonPage({ object: "list", data: models.map(modelEntry) }) },
    "/load": { GET: ({ models }) => jsonPage({ server_load: options.loadTracking ? models.reduce((sum, { load }) => sum + load, 0) : 0 }) },
    "/metrics": { GET: ({ models }) => ({ status: 200, type: vllmMetricsType, body: metricsOf(models, http) }) },
    "/metrics/": { GET: ({ models }) => ({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: metricsOf(models, http), chunked: true }) },
    "/kv_event_sources": { GET: () => jsonPage({}) },
    "/scale_elastic_ep": { POST: scaled },
    "/generative_scoring": { POST: scored },
    "/inference/v1/generate": disabled,
    "/v1/chat/completions/render": disabled,
    "/v1/completions/render": disabled,
  };
}

const metricsOf = (models: readonly ServedModel[], http: HttpMetrics): string => models.map((model) => model.metrics() ?? "").join("") + http.exposition();

function modelEntry({ model, modelTokensMax }: ServedModel): object {
  const created = 1_700_000_000;
  const permission = {
    id: "modelperm-0000000000000000",
    object: "model_permission",
    created,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: true,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: "*",
    group: null,
    is_blocking: false,
  };
  return { id: model, object: "model", created, owned_by: "vllm", root: model, parent: null, max_model_len: modelTokensMax, permission: [permission] };
}

const scaled: Page = ({ body }) => {
  const size = parseFields(body)?.["new_data_parallel_size"];
  return jsonPage({ message: `Scaled to ${typeof size === "number" ? size : 1} data parallel engines` });
};

/** Pooling models only: what is wrong with a call is said, but none is carried out. */
const scored: Page = ({ body }) => {
  const fields = parseFields(body) ?? {};
  const lacking = ["query", "items", "label_token_ids"].filter((name) => fields[name] === undefined);
  return refusalPage(invalidFields(lacking.map((name) => missing(`body.${name}`, fields))));
};

/** Nothing is stored without a flag. */
function responsePages(path: string): Readonly<Record<string, Page>> | null {
  const found = /^\/v1\/responses\/([^/]+)(\/cancel)?$/.exec(path);
  if (found === null) return null;
  const page = (): PageAnswer => refusalPage(openAiError(404, `Response with id '${found[1]}' not found.`, "invalid_request_error", "response_id", 404));
  return found[2] === undefined ? { GET: page } : { POST: page };
}
