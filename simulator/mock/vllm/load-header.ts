import type { IncomingHttpHeaders } from "node:http";
import type { EndpointSignals } from "../../core/endpoint.ts";
import { pythonFloat } from "./python-text.ts";

/** How loaded the server is, in the answer's head, for callers who ask for it there (ORCA). Name and value; empty: nobody does. */
export function loadHeader(asked: IncomingHttpHeaders, { waiting, kvUsed }: EndpointSignals): readonly string[] {
  const numbers = [
    ["num_requests_waiting", pythonFloat(waiting)],
    ["kv_cache_usage_perc", pythonFloat(kvUsed)],
  ] as const;
  const format = asked["endpoint-load-metrics-format"];
  if (format === "json") return ["endpoint-load-metrics", `JSON {"named_metrics": {${numbers.map(([name, value]) => `"${name}": ${value}`).join(", ")}}}`];
  if (format === "text") return ["endpoint-load-metrics", `TEXT ${numbers.map(([name, value]) => `named_metrics.${name}=${value}`).join(", ")}`];
  return [];
}
