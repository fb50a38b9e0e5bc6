import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { connect, createServer as createProxy, type AddressInfo, type Server as TcpServer } from "node:net";
import path from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { loadConfig } from "../../../../router/config/load-config.ts";
import { millis } from "../../../../router/core/time.ts";
import { environmentEgress } from "../../../../router/config/compile-egress.ts";
import { type Egress, egressOf, proxyFor } from "../../../../router/upstream/http1/egress.ts";
import { wholeBody } from "../../../../router/providers/sent-body.ts";
import { sendableHead } from "../../../../router/upstream/http1/sendable-head.ts";
import { Http1Transport } from "../../../../router/upstream/http1-transport.ts";
import { privateAuthority } from "../../../support/private-authority.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const fromEnvironment = (env: Readonly<Record<string, string>>): Egress => egressOf(environmentEgress(env, ({ message }) => expect.fail(message)));

describe("which origins go through the proxy", () => {
  const egress = fromEnvironment({ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "internal.example, .corp, 10.0.0.1, other:8443" });
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
    expect(proxyFor(fromEnvironment({}), new URL("https://a"))).toBeNull();
    expect(proxyFor(fromEnvironment({ https_proxy: "http://proxy", no_proxy: "*" }), new URL("https://a"))).toBeNull();
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
async function secureOrigin(): Promise<{ origin: string; seen: string[]; handshakes: () => number }> {
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
  let handshakes = 0;
  server.on("secureConnection", () => (handshakes += 1));
  return { origin: `https://localhost:${await listening(server)}`, seen, handshakes: () => handshakes };
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

test("a private authority of the configuration vouches for providers, beside the usual ones and for this transport alone", async () => {
  const authority = privateAuthority();
  const { folder } = authority;
  const port = await authority.serve("localhost", (request, response) => void request.resume().on("end", () => response.end("secure")));
  const origin = `https://localhost:${port}`;
  writeFileSync(
    path.join(folder, "headgate.yaml"),
    `egress: { ca: ca.pem }\ndeployments: { one: { provider: openai, model: m } }\nroutes: { chat: { deployments: [one] } }\n`,
  );
  const { service } = loadConfig(path.join(folder, "headgate.yaml"), {});
  const trusting = new Http1Transport(egressOf(service.egress));
  const usual = new Http1Transport();
  expect(await ask(trusting, origin)).toBe("secure");
  expect(await ask(trusting, origin.replace("localhost", "127.0.0.1"))).toBe("connect-failed");
  expect(await ask(usual, origin)).toBe("connect-failed");
  const other = await secureOrigin();
  const both = new Http1Transport(egressOf(service.egress));
  expect(await ask(both, other.origin)).toBe("secure");
  for (const transport of [trusting, usual, both]) transport.close();
});

test("a connection with TLS is used again after a pause that would be too long without, and not after a minute", async () => {
  const { origin, handshakes } = await secureOrigin();
  const transport = new Http1Transport();
  const pause = (ms: number): void => {
    const nowMs = performance.now() + ms;
    vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  };
  onTestFinished(() => void vi.restoreAllMocks());
  await ask(transport, origin);
  pause(20_000);
  expect(await ask(transport, origin)).toBe("secure");
  expect(handshakes()).toBe(1);
  pause(60_000);
  expect(await ask(transport, origin)).toBe("secure");
  expect(handshakes()).toBe(2);
  transport.close();
});

describe("the way out by the configuration", () => {
  const problemsWith = async (
    egress: string,
    env: Readonly<Record<string, string>> = {},
    files: Readonly<Record<string, string>> = {},
  ): Promise<readonly string[]> => {
    const folder = temporaryFolder({
      ...files,
      "headgate.yaml": `egress: ${egress}\ndeployments: { one: { provider: openai, model: m } }\nroutes: { chat: { deployments: [one] } }\n`,
    });
    return placed(await problemsOf(() => loadConfig(path.join(folder, "headgate.yaml"), env)));
  };
  const egressWith = (egress: string, env: Readonly<Record<string, string>> = {}): Egress => {
    const folder = temporaryFolder({
      "headgate.yaml": `egress: ${egress}\ndeployments: { one: { provider: openai, model: m } }\nroutes: { chat: { deployments: [one] } }\n`,
    });
    return egressOf(loadConfig(path.join(folder, "headgate.yaml"), env).service.egress);
  };
  const through = (egress: Egress, origin: string): string | null => proxyFor(egress, new URL(origin))?.host ?? null;

  test("goes before HTTPS_PROXY and NO_PROXY, which hold where it says nothing", () => {
    const env = { HTTPS_PROXY: "http://environment:1", NO_PROXY: "a.example" };
    expect(through(egressWith("{}", env), "https://b.example")).toBe("environment:1");
    expect(through(egressWith("{}", env), "https://a.example")).toBeNull();
    const written = egressWith("{ proxy: http://file:2, direct: [B.example] }", env);
    expect([through(written, "https://a.example"), through(written, "https://b.example")]).toEqual(["file:2", null]);
    expect(through(egressWith("{ proxy: none }", env), "https://b.example")).toBeNull();
    expect(through(egressWith("{ direct: [] }", env), "https://a.example")).toBe("environment:1");
    expect(through(egressWith('{ proxy: "${COMPANY_PROXY}" }', { COMPANY_PROXY: "proxy:3128" }), "https://a.example")).toBe("proxy:3128");
  });

  test("what is wrong with it is said with its place, and without a password", async () => {
    expect(await problemsWith("{ proxy: ftp://x }")).toEqual(["1:18 egress.proxy: a proxy is asked by http, not by ftp"]);
    expect(await problemsWith("{ proxy: http://user:sk-secret@proxy }")).toEqual([
      "1:18 egress.proxy: a password must not stand in the file, where it ends up in version control and logs",
    ]);
    expect(await problemsWith('{ proxy: "${COMPANY_PROXY}" }')).toEqual(["1:18 egress.proxy: the environment variable COMPANY_PROXY is not set"]);
    expect(await problemsWith("{ ca: gone.pem }")).toEqual(["1:15 egress.ca: gone.pem cannot be read (ENOENT)"]);
    expect(await problemsWith("{ ca: empty.pem }", {}, { "empty.pem": "nothing" })).toEqual(["1:15 egress.ca: empty.pem holds no certificate"]);
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect((await problemsWith("{ ca: broken.pem }", {}, { "broken.pem": broken }))[0]).toContain("broken.pem holds a certificate that cannot be read");
    expect(await problemsWith("{}", { HTTPS_PROXY: "https://user:sk-secret@proxy:3128" })).toEqual(["-:- HTTPS_PROXY: a proxy is asked by http, not by https"]);
  });
});

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
  const transport = new Http1Transport(fromEnvironment({ HTTPS_PROXY: `http://user:secret@127.0.0.1:${port}` }));
  expect(await ask(transport, origin)).toBe("secure");
  expect(asked[0]).toMatch(/^CONNECT localhost:\d+ HTTP\/1\.1\r\n/);
  expect(asked[0]).toContain(`proxy-authorization: Basic ${Buffer.from("user:secret").toString("base64")}`);
  expect(clear).not.toContain("sk-provider");
  expect(seen).toEqual(["Bearer sk-provider"]);
  refuses = true;
  const other = new Http1Transport(fromEnvironment({ HTTPS_PROXY: `http://127.0.0.1:${port}` }));
  expect(await ask(other, origin)).toBe("connect-failed");
  transport.close();
  other.close();
});
