import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { TlsSpec } from "./service-spec.ts";

interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}
type Problem = { readonly field: "cert" | "key"; readonly message: string; readonly fix: string };

/** The certificate chain and the key as they are in the files, checked to belong together. @param configFile what paths are relative to */
export function readTls(files: TlsFiles, configFile: string): TlsSpec | Problem {
  const cert = readPem("cert", files.cert, configFile);
  const key = readPem("key", files.key, configFile);
  if (typeof cert !== "string") return cert;
  if (typeof key !== "string") return key;
  try {
    const fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    return fits ? { cert, key } : { field: "key", message: `${files.key} is not the key of ${files.cert}`, fix: "give the certificate's own key" };
  } catch (error) {
    const message = `the certificate or its key cannot be read (${error instanceof Error ? error.message : String(error)})`;
    return { field: "cert", message, fix: "give a certificate chain and a key without passphrase, both as PEM" };
  }
}

function readPem(field: "cert" | "key", path: string, configFile: string): string | Problem {
  try {
    return readFileSync(resolve(dirname(configFile), path), "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return { field, message: `${path} cannot be read (${code})`, fix: "give the path of a readable PEM file, relative to the configuration" };
  }
}
