import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcp, type Server } from "node:net";
import path from "node:path";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "./temporary-folder.ts";

export interface PrivateAuthority {
  readonly folder: string;
  /** PEM, in the folder. */
  readonly caFile: string;
  /** An https server on 127.0.0.1 whose certificate is for this name. @returns its port */
  serve(name: string, listener: RequestListener): Promise<number>;
}

/** An authority that nobody trusts who is not told to. */
export function privateAuthority(): PrivateAuthority {
  const folder = temporaryFolder();
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "ignore", cwd: folder });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=A private authority");
  return {
    folder,
    caFile: path.join(folder, "ca.pem"),
    serve: async (name, listener) => {
      const signed = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
      openssl("req", "-x509", ...key, "-keyout", `${name}-key.pem`, "-out", `${name}.pem`, ...signed, "-addext", "basicConstraints=critical,CA:FALSE");
      const [cert, own] = [`${name}.pem`, `${name}-key.pem`].map((file) => readFileSync(path.join(folder, file)));
      return listening(createServer({ cert, key: own }, listener));
    },
  };
}

export interface ConnectProxy {
  readonly url: string;
  /** What tunnels were asked for, as `host:port`. */
  readonly asked: string[];
}

/** An HTTP proxy that makes tunnels: every name leads to 127.0.0.1. */
export async function connectProxy(): Promise<ConnectProxy> {
  const asked: string[] = [];
  const proxy = createTcp((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (data: Buffer) => {
      const target = /^CONNECT (\S+) HTTP/.exec(data.toString())?.[1] ?? "";
      asked.push(target);
      const onward = connect(Number(target.split(":")[1]), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      onward.on("error", () => socket.destroy());
    });
  });
  return { url: `http://127.0.0.1:${await listening(proxy)}`, asked };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
