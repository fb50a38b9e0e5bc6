import { X509Certificate } from "node:crypto";
import type { Problem } from "./problem.ts";
import { readPem } from "./read-pem.ts";
import type { Fault, Parsed } from "./scalars.ts";
import type { ConfigFile } from "./schema.ts";
import type { Environment } from "./secret.ts";
import type { EgressSpec } from "./service-spec.ts";

type EgressFile = NonNullable<ConfigFile["egress"]>;
type Report = (path: readonly string[], part: "key" | "value", message: string, fix: string) => void;

const directEgress: EgressSpec = { proxy: null, direct: [], ca: null };

/** What the file says, and where it says nothing of a proxy, HTTPS_PROXY and NO_PROXY. @param env null: nothing is looked up */
export function compileEgress(
  file: EgressFile | undefined,
  env: Environment | null,
  configFile: string,
  report: Report,
  reportAt: (problem: Problem) => void,
): EgressSpec {
  if (env === null) return directEgress;
  const fault =
    (field: string) =>
    ({ message, fix }: Fault): void =>
      report(["egress", field], "value", message, fix);
  const ca = file?.ca === undefined ? null : valueOf(readAuthorities(file.ca, configFile), fault("ca"));
  const direct = file?.direct?.map(lowerCase);
  if (file?.proxy !== undefined) return { proxy: valueOf(writtenProxy(file.proxy, env), fault("proxy")), direct: direct ?? [], ca };
  const environment = environmentEgress(env, reportAt);
  return { proxy: environment.proxy, direct: direct ?? environment.direct, ca };
}

/** A URL, or the name of the variable that holds it. */
function writtenProxy(written: string, env: Environment): Parsed<string | null> {
  const name = /^\$\{(.+)\}$/.exec(written)?.[1];
  if (name === undefined) return readProxy(written);
  const url = (env[name] ?? "").trim();
  if (url !== "") return readProxy(url);
  return { message: `the environment variable ${name} is not set`, fix: `export ${name}=... before the start, or write none` };
}

/** HTTPS_PROXY and NO_PROXY, or as small letters. */
export function environmentEgress(env: Environment, reportAt: (problem: Problem) => void): EgressSpec {
  const name = env["HTTPS_PROXY"] === undefined ? "https_proxy" : "HTTPS_PROXY";
  const text = (env[name] ?? "").trim();
  const direct = (env["NO_PROXY"] ?? env["no_proxy"] ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  const proxy =
    text === "" ? null : valueOf(readProxy(text), ({ message, fix }) => reportAt({ file: "environment", line: null, column: null, field: name, message, fix }));
  return { proxy, direct: direct.map(lowerCase), ca: null };
}

const lowerCase = (entry: string): string => entry.toLowerCase();

/** `http://[user:password@]host:port`, also without `http://`; `none`. The text may carry a password: it is not repeated. */
function readProxy(text: string): Parsed<string | null> {
  if (text === "none") return { value: null };
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const fix = "write http://host:port, ${NAME} of an environment variable that holds it, or none";
  if (!URL.canParse(whole)) return { message: "is no URL of a proxy", fix };
  const { protocol, hostname, pathname } = new URL(whole);
  if (protocol !== "http:") return { message: `a proxy is asked by http, not by ${protocol.slice(0, -1)}`, fix };
  return hostname === "" || pathname.length > 1 ? { message: "is no URL of a proxy", fix } : { value: whole };
}

function readAuthorities(path: string, configFile: string): Parsed<string> {
  const read = readPem(path, configFile);
  if (!("value" in read)) return read;
  const certificates = read.value.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const fix = "give the authorities' certificates as PEM";
  try {
    for (const certificate of certificates) void new X509Certificate(certificate);
  } catch (error) {
    return { message: `${path} holds a certificate that cannot be read (${error instanceof Error ? error.message : String(error)})`, fix };
  }
  return certificates.length === 0 ? { message: `${path} holds no certificate`, fix } : { value: certificates.join("\n") };
}

function valueOf<Value>(parsed: Parsed<Value>, onFault: (fault: Fault) => void): Value | null {
  if ("value" in parsed) return parsed.value;
  onFault(parsed);
  return null;
}
