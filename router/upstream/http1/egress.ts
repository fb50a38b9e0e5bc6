/**
 * The way out: which origins are reached through a proxy. `HTTPS_PROXY` (or `https_proxy`) is asked for a tunnel to every https origin; `NO_PROXY` names the hosts that are
 * reached directly, separated by commas: a host, a domain with a leading dot or not, each optionally with a port, or `*`. Origins without TLS are always reached directly.
 */
export interface Egress {
  readonly proxy: URL | null;
  readonly direct: readonly string[];
}

export const noProxy: Egress = { proxy: null, direct: [] };

export function egressOf(env: Readonly<Record<string, string | undefined>>): Egress {
  const proxy = env["HTTPS_PROXY"] ?? env["https_proxy"] ?? "";
  if (proxy === "" || !URL.canParse(proxy)) return noProxy;
  const direct = (env["NO_PROXY"] ?? env["no_proxy"] ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  return { proxy: new URL(proxy), direct: direct.map((entry) => entry.toLowerCase()) };
}

/** Null: directly. */
export function proxyFor(egress: Egress, origin: URL): URL | null {
  if (egress.proxy === null || origin.protocol !== "https:") return null;
  return egress.direct.some((entry) => matches(entry, origin)) ? null : egress.proxy;
}

function matches(entry: string, origin: URL): boolean {
  if (entry === "*") return true;
  const [host = "", port] = entry.split(":");
  if (port !== undefined && port !== (origin.port === "" ? "443" : origin.port)) return false;
  const domain = host.replace(/^\*?\./, "");
  return origin.hostname === domain || origin.hostname.endsWith(`.${domain}`);
}
