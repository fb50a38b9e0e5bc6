import { createServer, type Server } from "node:http";
import { Registry } from "prom-client";
import type { RouterMetrics } from "./router-metrics.ts";

/** `/metrics` on a port of its own, so that a scrape never shares the callers' port. */
export function createMetricsServer(metrics: RouterMetrics): Server {
  return createServer((request, response) => {
    if (request.url?.split("?", 1)[0] !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("try /metrics\n");
      return;
    }
    metrics.exposition().then(
      (text) => response.writeHead(200, { "content-type": Registry.PROMETHEUS_CONTENT_TYPE }).end(text),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(String(error)),
    );
  });
}
