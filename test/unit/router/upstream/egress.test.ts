import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { connect, createServer as createProxy, type AddressInfo, type Server as TcpServer } from "node:net";
import path from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { millis } from "../../../../router/core/time.ts";
import { egressOf, proxyFor } from "../../../../router/upstream/http1/egress.ts";
import { wholeBody } from "../../../../router/providers/sent-body.ts";
import { sendableHead } from "../../../../router/upstream/http1/sendable-head.ts";
import { Http1Transport } from "../../../../router/upstream/http1-transport.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

describe("which origins go through the proxy", () => {
  const egress = egressOf({ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "internal.example, .corp, 10.0.0.1, other:8443" });
  const through = (origin: string): boolean => proxyFor(egress, new URL(origin)) !== null;
  test("https ones, but those that NO_PROXY names", () => {
    expect(through("https://api.openai.com")).toBe(true);
    expect(through("http://vllm:8000")).toBe(false);
    for (const direct of ["https://internal.example", "https://a.internal.example", "https://x.corp", "https://10.0.0.1", "https://other:8443"])
      expect(through(direct), direct).toBe(false);
    expect(through("https://notinternal.example")).toBe(true);
    expect(through("https://other")).toBe(true);
  });
  test("none without a proxy, and none with a star", () => {
    expect(proxyFor(egressOf({}), new URL("https://a"))).toBeNull();
    expect(proxyFor(egressOf({ https_proxy: "http://proxy", no_proxy: "*" }), new URL("https://a"))).toBeNull();
  });
});

async function listening<Kind extends Server | TcpServer>(server: Kind): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An https server that only a private authority vouches for, here trusted as NODE_EXTRA_CA_CERTS would have it. */
async function secureOrigin(): Promise<{ origin: string; seen: string[] }> {
  const folder = temporaryFolder();
  const [keyFile, certFile] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile, "-out", certFile];
  execFileSync("openssl", [...command, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], { stdio: "ignore" });
  const cert = readFileSync(certFile, "utf8");
  const before = getCACertificates("default");
  setDefaultCACertificates([...before, cert]);
  onTestFinished(() => setDefaultCACertificates(before));
  const seen: string[] = [];
  const server = createServer({ cert, key: readFileSync(keyFile) }, (request, response) => {
    seen.push(String(request.headers.authorization));
    request.resume();
    request.on("end", () => response.end("secure"));
  });
  return { origin: `https://localhost:${await listening(server)}`, seen };
}

async function ask(transport: Http1Transport, origin: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const head = sendableHead({ method: "POST", host: new URL(origin).host, path: "/", headers: ["authorization", "Bearer sk-provider"] });
    transport.send(
      { origin, head, body: wholeBody(Buffer.from("{}")), connect: millis(3000) },
      {
        onHead: () => undefined,
        onData: (data) => (text += data.toString()),
        onReadOver: () => undefined,
        onEnd: () => resolve(text),
        onBroken: ({ kind }) => resolve(kind),
      },
    );
  });
}

test("TLS: a certificate that nobody vouches for is refused, another is not", async () => {
  const { origin, seen } = await secureOrigin();
  const transport = new Http1Transport();
  expect(await ask(transport, origin)).toBe("secure");
  expect(await ask(transport, origin)).toBe("secure");
  // The same server under a name that its certificate does not have.
  expect(await ask(transport, origin.replace("localhost", "127.0.0.1"))).toBe("connect-failed");
  expect(seen).toHaveLength(2);
  transport.close();
});

test("through a proxy's tunnel, which sees neither key nor content; a proxy that refuses is told", async () => {
  const { origin, seen } = await secureOrigin();
  const asked: string[] = [];
  let refuses = false;
  let clear = "";
  const proxy = createProxy((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (data: Buffer) => {
      asked.push(data.toString());
      if (refuses) {
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        return;
      }
      const target = connect(Number(new URL(origin).port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.on("data", (more: Buffer) => (clear += more.toString("latin1")));
        socket.pipe(target).pipe(socket);
      });
      target.on("error", () => undefined);
    });
  });
  const port = await listening(proxy);
  const transport = new Http1Transport(egressOf({ HTTPS_PROXY: `http://user:secret@127.0.0.1:${port}` }));
  expect(await ask(transport, origin)).toBe("secure");
  expect(asked[0]).toMatch(/^CONNECT localhost:\d+ HTTP\/1\.1\r\n/);
  expect(asked[0]).toContain(`proxy-authorization: Basic ${Buffer.from("user:secret").toString("base64")}`);
  expect(clear).not.toContain("sk-provider");
  expect(seen).toEqual(["Bearer sk-provider"]);
  refuses = true;
  const other = new Http1Transport(egressOf({ HTTPS_PROXY: `http://127.0.0.1:${port}` }));
  expect(await ask(other, origin)).toBe("connect-failed");
  transport.close();
  other.close();
});
