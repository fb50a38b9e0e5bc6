import { isIP, type LookupFunction, type Socket } from "node:net";
import type { LoadedConfig } from "../config/load-config.ts";
import type { UpstreamSpec } from "../config/service-spec.ts";
import { type Egress, egressOf, proxyFor } from "../upstream/http1/egress.ts";
import { HostLookup } from "../upstream/http1/host-lookup.ts";
import { openSocket } from "../upstream/http1/open-socket.ts";
import { few, priceNotes, tierNotes } from "./price-told.ts";

const reachMs = 3_000;

/** What an operator wants to know at the start: who can be reached, what has no price, what is off. */
export async function startNotes({ compiled, service, prices }: Omit<LoadedConfig, "source">): Promise<readonly string[]> {
  const origins = [...new Set(service.endpoints.map(({ origin }) => origin))];
  const egress = egressOf(service.egress);
  const { lookup } = new HostLookup();
  const reached = await Promise.all(origins.map(async (origin) => ({ origin, told: await reach(new URL(origin), egress, lookup) })));
  const names = compiled.deployments.map(({ name }) => name);
  const keyless = compiled.deployments.filter(({ endpoints }) => endpoints.every((id) => service.endpoints[id]?.key === null)).map(({ name }) => name);
  const plain = compiled.deployments.filter(({ endpoints }) => endpoints.some((id) => isPlain(service.endpoints[id]))).map(({ name }) => name);
  const off = [
    ...(service.tenantOf === null ? ["callers' keys (whoever reaches the port may call)"] : []),
    ...(compiled.limits.length === 0 ? ["limits and budgets"] : []),
    ...(service.cors === null ? ["calls from pages (cors)"] : []),
    ...(compiled.routes.every(({ hedge }) => hedge === null) ? ["hedging"] : []),
  ];
  return [
    ...reached.map(({ origin, told }) => `${origin}: ${told}`),
    ...priceNotes(prices, names, compiled.unknownPrice === "refuse", Date.now()),
    ...tierNotes(compiled.deployments),
    ...(plain.length === 0 ? [] : [`keys: without TLS for ${few(plain)}; whoever such a name leads to gets the key`]),
    ...(keyless.length === 0 ? [] : [`keys: none for ${few(keyless)}`]),
    ...(off.length === 0 ? [] : [`off: ${off.join(", ")}`]),
  ];
}

/** Its key goes to a name, which may be made to lead elsewhere, without a certificate that would show it. */
function isPlain(upstream: UpstreamSpec | undefined): boolean {
  if (upstream === undefined || upstream.key === null) return false;
  const { protocol, hostname } = new URL(upstream.origin);
  return protocol === "http:" && isIP(hostname.replace(/^\[|\]$/g, "")) === 0 && hostname !== "localhost";
}

/** A connection by the way that requests take (a proxy's tunnel, TLS), and nothing said on it. */
async function reach(origin: URL, egress: Egress, lookup: LookupFunction): Promise<string> {
  const startedMs = performance.now();
  const proxy = proxyFor(egress, origin);
  const by = proxy === null ? "" : ` by the proxy ${proxy.host}`;
  return new Promise((resolve) => {
    let last: Socket | null = null;
    const end = (told: string): void => {
      clearTimeout(timer);
      resolve(told + by);
      setImmediate(() => last?.destroy());
    };
    const timer = setTimeout(() => end(`not reached within ${reachMs / 1000} s`), reachMs);
    openSocket(
      { origin, proxy, trust: egress.trust, lookup, session: null },
      {
        onSocket: (socket) => {
          last = socket;
        },
        onReady: () => end(`reachable in ${Math.round(performance.now() - startedMs)} ms`),
        onClose: (error: NodeJS.ErrnoException | null) => end(`not reachable (${error?.code ?? error?.message ?? "the connection was closed"})`),
        onBytes: () => undefined,
        onSession: () => undefined,
        onEnd: () => undefined,
      },
    );
  });
}
