import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/**
 * The way out: which origins are reached through a proxy, and who vouches for them. The proxy is asked for a tunnel to every https origin but those in `direct`: a host, a
 * domain with a leading dot or not, each optionally with a port, or `*`. Origins without TLS are always reached directly.
 */
export interface Egress {
  readonly proxy: URL | null;
  readonly direct: readonly string[];
  /** Null: the usual authorities, and those of NODE_EXTRA_CA_CERTS. */
  readonly trust: SecureContext | null;
}

/** As it is configured. */
export interface EgressOptions {
  readonly proxy: string | null;
  /** In small letters. */
  readonly direct: readonly string[];
  /** Of private authorities, as PEM; null: none. */
  readonly ca: string | null;
}

export const plainEgress: Egress = { proxy: null, direct: [], trust: null };

export function egressOf({ proxy, direct, ca }: EgressOptions): Egress {
  const trust = ca === null ? null : createSecureContext({ ca: [...getCACertificates("default"), ca] });
  return { proxy: proxy === null ? null : new URL(proxy), direct, trust };
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
