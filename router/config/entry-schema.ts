import { z } from "zod";
import { micros } from "../core/time.ts";
import { count, duration, flag, scalar, shown, text } from "./scalars.ts";
import type { Parsed } from "./scalars.ts";

/** How callers and providers are met: addresses, limits on what callers send, TLS, pages, the way out. */
const port = count("TCP port; 0 takes any free one", 0, 65_535);
const listenFields = (portDefault: number) => ({ host: text("Address to listen on").prefault("127.0.0.1"), port: port.prefault(portDefault) });
const fastLane = flag(
  "Requests that can be read in one way only are read by the router itself, at less cost; false: all of them by Node's HTTP server",
).prefault(true);

const requestLimits = z
  .strictObject({
    headerBytes: count("Request line and headers together, bytes; more: 431", 1024, 1024 * 1024).prefault(16 * 1024),
    bodyBytes: count("Body, bytes; more: 413", 1024, 200 * 1024 * 1024).prefault(20 * 1024 * 1024),
    headerTime: duration("Until the headers are there; longer: 408").prefault("15s"),
    requestTime: duration("Until the whole request is there; longer: 408").prefault("5m"),
    keepAlive: duration("How long an idle connection is kept; above the idle time of the load balancer in front, so that it closes first").prefault("75s"),
    connections: count("Connections at once; one more is closed unheard; absent: as many as the system allows", 1, 1_000_000).optional(),
  })
  .meta({ description: "What callers may send, and how slowly" })
  .prefault({});

export const callersListen = z
  .strictObject({ ...listenFields(8080), fastLane, limits: requestLimits })
  .meta({ description: "Where callers connect" })
  .prefault({});

export const metricsListen = z.strictObject(listenFields(9090)).meta({ description: "Where Prometheus connects" }).prefault({});

export const tls = z
  .strictObject({ cert: text("PEM file of the certificate chain, relative to the configuration"), key: text("PEM file of its key") })
  .optional()
  .meta({ description: "Callers connect with TLS; absent: without" });

function parseOrigin(value: unknown): Parsed<string> {
  const origin = typeof value === "string" ? originOf(value) : null;
  if (origin === value && origin !== null) return { value: origin };
  const rule = "https://app.example, with the port where it is not the usual one, and no path; or *";
  return { message: `${shown(value)} is no origin as browsers send it`, fix: `write ${origin ?? rule}` };
}

/** As a browser would send it; null: it is none. Pages of apps have schemes of their own. */
function originOf(text: string): string | null {
  if (text === "*" || /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/.test(text)) return text;
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text).origin : null;
}

export const cors = z
  .strictObject({
    origins: z
      .array(scalar({ type: "string", description: "An origin as browsers send it, or * for any", examples: ["https://app.example"] }, parseOrigin))
      .min(1),
    maxAge: duration("So long a browser may keep the answer to its question", micros(0)).prefault("10m"),
  })
  .meta({ description: "Pages that may call from a browser; absent: none" });

/** A password must not stand in the file. */
function parseProxy(value: unknown): Parsed<string> {
  const fix = "write http://host:port, ${NAME} of an environment variable that holds it, or none";
  if (typeof value !== "string" || value.trim() === "") return { message: `must be a URL, not ${shown(value)}`, fix };
  if (value.includes("@")) return { message: "a password must not stand in the file, where it ends up in version control and logs", fix };
  return { value: value.trim() };
}

export const state = z
  .strictObject({ folder: text("Relative to the configuration; one process writes into it") })
  .optional()
  .meta({ description: "What outlives the process: which provider has issued which id (responses, files, batches); absent: a restart forgets them" });

export const egress = z
  .strictObject({
    proxy: scalar(
      {
        type: "string",
        description: "For https origins, asked for a tunnel; ${NAME}: the variable holds its URL; none: no proxy; absent: HTTPS_PROXY",
        examples: ["http://proxy:3128"],
      },
      parseProxy,
    ).optional(),
    direct: z
      .array(text("A host, .domain, host:port, or *"))
      .optional()
      .meta({ description: "Reached without the proxy; absent: NO_PROXY, where the proxy is HTTPS_PROXY" }),
    ca: text("PEM file of private authorities that vouch for providers too, beside the usual ones; relative to the configuration").optional(),
  })
  .optional()
  .meta({ description: "The way to the providers; absent: directly, or as HTTPS_PROXY and NO_PROXY say" });
