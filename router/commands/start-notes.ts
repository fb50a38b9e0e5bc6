import { connect, isIP } from "node:net";
import type { LoadedConfig } from "../config/load-config.ts";
import type { UpstreamSpec } from "../config/service-spec.ts";
import { few, priceNotes, tierNotes } from "./price-told.ts";

const reachMs = 3_000;

/** What an operator wants to know at the start: who can be reached, what has no price, what is off. */
export async function startNotes({ compiled, service, prices }: Omit<LoadedConfig, "source">): Promise<readonly string[]> {
  const origins = [...new Set(service.endpoints.map(({ origin }) => origin))];
  const reached = await Promise.all(origins.map(async (origin) => ({ origin, told: await reach(new URL(origin)) })));
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

/** A connection, and nothing said on it. */
async function reach(url: URL): Promise<string> {
  const startedMs = performance.now();
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ""), port });
    const end = (told: string): void => {
      socket.destroy();
      resolve(told);
    };
    socket.setTimeout(reachMs, () => end(`not reached within ${reachMs / 1000} s`));
    socket.on("connect", () => end(`reachable in ${Math.round(performance.now() - startedMs)} ms`));
    socket.on("error", (error: NodeJS.ErrnoException) => end(`not reachable (${error.code ?? error.message})`));
  });
}
