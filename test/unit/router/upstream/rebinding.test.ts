/** A provider's name leads to one address, and then to another: what goes where. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer as createPlain, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { millis } from "../../../../router/core/time.ts";
import { wholeBody } from "../../../../router/providers/sent-body.ts";
import { plainEgress } from "../../../../router/upstream/http1/egress.ts";
import type { NameService } from "../../../../router/upstream/http1/host-lookup.ts";
import { sendableHead } from "../../../../router/upstream/http1/sendable-head.ts";
import { Http1Transport } from "../../../../router/upstream/http1-transport.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const keys = { "one.test": "sk-of-one", "two.test": "sk-of-two" };
type Name = keyof typeof keys;

/** A name service that says what it was told last, and is asked for every connection. */
class Names implements NameService {
  readonly addresses: Partial<Record<string, string[]>> = {};
  readonly freshForMs = 0;
  readonly resolve: NameService["resolve"] = (hostname, tell) =>
    tell(
      null,
      (this.addresses[hostname] ?? []).map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
}

interface Seen {
  readonly host: string | undefined;
  readonly key: string | undefined;
  readonly connection: number | undefined;
}

/** On the same port of its own loopback address. @param keepAlive whether a connection takes another request */
async function serve(server: Server, address: string, port: number, seen: Seen[], keepAlive: boolean): Promise<number> {
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    seen.push({ host: request.headers.host, key: request.headers.authorization?.slice("Bearer ".length), connection: request.socket.remotePort });
    request.resume();
    if (!keepAlive) response.setHeader("connection", "close");
    request.on("end", () => response.end("ok"));
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function ask(transport: Http1Transport, scheme: "http" | "https", name: Name, port: number): Promise<string> {
  const origin = `${scheme}://${name}:${port}`;
  const head = sendableHead({ method: "POST", host: `${name}:${port}`, path: "/", headers: ["authorization", `Bearer ${keys[name]}`] });
  return new Promise((resolve) => {
    let text = "";
    transport.send(
      { origin, head, body: wholeBody(Buffer.from("{}")), connect: millis(5000) },
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

function certificateFor(name: Name): { readonly cert: string; readonly key: string } {
  const folder = temporaryFolder();
  const [keyFile, certFile] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile, "-out", certFile];
  execFileSync("openssl", [...command, "-days", "2", "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`], { stdio: "ignore" });
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}

function transportWith(names: Names): Http1Transport {
  const transport = new Http1Transport(plainEgress, names);
  onTestFinished(() => transport.close());
  return transport;
}

test("https: a name that comes to lead to another provider's server takes neither key nor prompt there", async () => {
  const [one, two] = [certificateFor("one.test"), certificateFor("two.test")];
  const before = getCACertificates("default");
  setDefaultCACertificates([...before, one.cert, two.cert]);
  onTestFinished(() => setDefaultCACertificates(before));
  const [seenByOne, seenByTwo]: [Seen[], Seen[]] = [[], []];
  const port = await serve(createSecure(one), "127.0.0.1", 0, seenByOne, false);
  await serve(createSecure(two), "127.0.0.2", port, seenByTwo, false);
  const names = new Names();
  const transport = transportWith(names);
  names.addresses["one.test"] = ["127.0.0.1"];
  names.addresses["two.test"] = ["127.0.0.2"];
  expect(await ask(transport, "https", "one.test", port)).toBe("ok");
  expect(await ask(transport, "https", "two.test", port)).toBe("ok");
  // A session of the first connection is at hand: it opens nothing at another server.
  names.addresses["one.test"] = ["127.0.0.2"];
  for (let round = 0; round < 3; round += 1) expect(await ask(transport, "https", "one.test", port)).toBe("connect-failed");
  expect(seenByTwo.map(({ key }) => key)).toEqual([keys["two.test"]]);
  names.addresses["one.test"] = ["127.0.0.1"];
  expect(await ask(transport, "https", "one.test", port)).toBe("ok");
  expect(seenByOne.map(({ key }) => key)).toEqual([keys["one.test"], keys["one.test"]]);
});

test("http: a name goes where it leads, with its own key, under its own name, on connections of its own", async () => {
  const seen: Seen[] = [];
  const port = await serve(createPlain(), "127.0.0.1", 0, [], false);
  await serve(createPlain(), "127.0.0.2", port, seen, true);
  const names = new Names();
  const transport = transportWith(names);
  names.addresses["one.test"] = ["127.0.0.1"];
  names.addresses["two.test"] = ["127.0.0.2"];
  for (const name of ["one.test", "two.test"] as const) expect(await ask(transport, "http", name, port)).toBe("ok");
  names.addresses["one.test"] = ["127.0.0.2"];
  for (let round = 0; round < 3; round += 1) for (const name of ["one.test", "two.test"] as const) expect(await ask(transport, "http", name, port)).toBe("ok");
  expect(seen).toHaveLength(7);
  for (const { host, key } of seen) expect(key).toBe(keys[host?.split(":")[0] as Name]);
  const connectionsOf = (name: Name): Set<number | undefined> => new Set(seen.filter(({ host }) => host?.startsWith(name)).map(({ connection }) => connection));
  expect([...connectionsOf("one.test")].filter((connection) => connectionsOf("two.test").has(connection))).toEqual([]);
});

test.each(["169.254.169.254", "fe80::1", "fd00:ec2::254"])("a name that leads to %s, where clouds keep their metadata, leads nowhere", async (address) => {
  const names = new Names();
  names.addresses["one.test"] = [address];
  expect(await ask(transportWith(names), "http", "one.test", 1)).toBe("connect-failed");
});

test("of several addresses those that no provider can have are left out", async () => {
  const seen: Seen[] = [];
  const port = await serve(createPlain(), "127.0.0.1", 0, seen, false);
  const names = new Names();
  names.addresses["one.test"] = ["169.254.169.254", "127.0.0.1"];
  expect(await ask(transportWith(names), "http", "one.test", port)).toBe("ok");
  expect(seen).toHaveLength(1);
});
