import { createPrivateKey, X509Certificate } from "node:crypto";
import { readPem } from "./read-pem.ts";
import type { TlsSpec } from "./service-spec.ts";

interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}
type Problem = { readonly field: "cert" | "key"; readonly message: string; readonly fix: string };

/** The certificate chain and the key as they are in the files, checked to belong together. @param configFile what paths are relative to */
export function readTls(files: TlsFiles, configFile: string): TlsSpec | Problem {
  const read = { cert: readPem(files.cert, configFile), key: readPem(files.key, configFile) };
  if (!("value" in read.cert)) return { field: "cert", ...read.cert };
  if (!("value" in read.key)) return { field: "key", ...read.key };
  const [cert, key] = [read.cert.value, read.key.value];
  try {
    const fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    return fits ? { cert, key } : { field: "key", message: `${files.key} is not the key of ${files.cert}`, fix: "give the certificate's own key" };
  } catch (error) {
    const message = `the certificate or its key cannot be read (${error instanceof Error ? error.message : String(error)})`;
    return { field: "cert", message, fix: "give a certificate chain and a key without passphrase, both as PEM" };
  }
}
