import { createVerify, generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { readFileSync, writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { googleToken } from "../../router/providers/vertex/google-client.ts";
import { type LiveService, startLive } from "../support/live-service.ts";
import { until } from "../support/loop-time.ts";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
interface TokenServer {
  readonly url: string;
  readonly asked: Asked[];
  /** Of the next tokens, seconds. */
  lifeSeconds: number;
  /** So many of the next questions are answered with an error. */
  failures: number;
}

/** Google's token endpoints, as they are asked: the exchange at /token, impersonation at /impersonate, and at /subject what a cloud gives its machines. */
async function tokenServer(): Promise<TokenServer> {
  const asked: Asked[] = [];
  const known: TokenServer = { url: "", asked, lifeSeconds: 3600, failures: 0 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      asked.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (known.failures > 0) {
        known.failures -= 1;
        response.writeHead(400, { "content-type": "application/json" }).end('{"error":"temporarily_unavailable"}');
        return;
      }
      const name = `ya29.token-${asked.length}`;
      response.setHeader("content-type", "application/json");
      if (request.url === "/subject") response.end(JSON.stringify({ token: `subject-${asked.length}` }));
      else if (request.url === "/impersonate")
        response.end(JSON.stringify({ accessToken: name, expireTime: new Date(Date.now() + known.lifeSeconds * 1000).toISOString() }));
      else
        response.end(
          JSON.stringify({
            access_token: name,
            token_type: "Bearer",
            expires_in: known.lifeSeconds,
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
          }),
        );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(known, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const serviceAccount = (url: string): object => ({
  type: "service_account",
  client_email: "router@project.iam.gserviceaccount.com",
  private_key_id: "key-1",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
  token_uri: `${url}/token`,
});
const workloadIdentity = (url: string, more: object): object => ({
  type: "external_account",
  audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  token_url: `${url}/token`,
  ...more,
});
const fileOf = (credentials: object): string => path.join(temporaryFolder({ "credentials.json": JSON.stringify(credentials) }), "credentials.json");

const answer = readFileSync(path.join(projectRoot, "fixtures/wire/vertex/text.json"), "utf8");

async function liveWith(file: string): Promise<{ live: LiveService; chat: () => Promise<string | undefined> }> {
  const live = await startLive({ providers: ["vertex"], deployment: ", project: p, location: europe-west4", key: `{ google: ${JSON.stringify(file)} }` });
  const [upstream] = live.upstreams;
  if (upstream !== undefined)
    upstream.otherwise = (response) => {
      response.setHeader("content-type", "application/json");
      response.end(answer);
    };
  const chat = async (): Promise<string | undefined> => {
    await live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "hi" }] });
    return upstream?.seen.at(-1)?.headers.authorization;
  };
  return { live, chat };
}

async function chatsWith(file: string): Promise<readonly (string | undefined)[]> {
  const { live, chat } = await liveWith(file);
  const keys = [await chat(), await chat(), await chat()];
  expect(live.upstreams[0]?.seen[0]?.path).toBe("/v1/projects/p/locations/europe-west4/publishers/google/models/upstream-model:generateContent");
  return keys;
}

test("workload identity: the subject's token is changed for an access token once, before the first request", async () => {
  const { url, asked } = await tokenServer();
  const folder = temporaryFolder({ "subject.txt": "subject-token" });
  const file = fileOf(workloadIdentity(url, { credential_source: { file: path.join(folder, "subject.txt") } }));
  expect(await chatsWith(file)).toEqual(Array.from({ length: 3 }, () => "Bearer ya29.token-1"));
  expect(asked).toHaveLength(1);
  expect(asked[0]?.body).toContain("subject-token");
});

test("workload identity of a cloud's machine, that stands for a service account", async () => {
  const { url, asked } = await tokenServer();
  const credential_source = { url: `${url}/subject`, headers: { metadata: "true" }, format: { type: "json", subject_token_field_name: "token" } };
  const file = fileOf(workloadIdentity(url, { credential_source, service_account_impersonation_url: `${url}/impersonate` }));
  expect(await chatsWith(file)).toEqual(Array.from({ length: 3 }, () => "Bearer ya29.token-3"));
  expect(asked.map(({ path: at }) => at)).toEqual(["/subject", "/token", "/impersonate"]);
  expect(asked[0]?.headers["metadata"]).toBe("true");
  expect(asked[1]?.body).toContain("subject-1");
  expect(asked[2]?.headers.authorization).toBe("Bearer ya29.token-2");
});

test("a service account: an assertion signed with its key is changed for an access token where its file says", async () => {
  const { url, asked } = await tokenServer();
  expect(await chatsWith(fileOf(serviceAccount(url)))).toEqual(Array.from({ length: 3 }, () => "Bearer ya29.token-1"));
  expect(asked).toHaveLength(1);
  const sent = new URLSearchParams(asked[0]?.body);
  expect(sent.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
  const [head = "", claims = "", signature = ""] = (sent.get("assertion") ?? "").split(".");
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
  expect(read(head)).toEqual({ alg: "RS256", typ: "JWT", kid: "key-1" });
  expect(read(claims)).toMatchObject({
    iss: "router@project.iam.gserviceaccount.com",
    aud: `${url}/token`,
    scope: "https://www.googleapis.com/auth/cloud-platform",
  });
  expect(createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(publicKey, signature, "base64url")).toBe(true);
});

test.each([
  ["a service account", (url: string) => serviceAccount(url)],
  ["workload identity", (url: string, subject: string) => workloadIdentity(url, { credential_source: { file: subject } })],
])("%s: renewed in the background before its end; failures are tried again while the old token holds", async (kind, credentials) => {
  const tokens = await tokenServer();
  const subject = path.join(temporaryFolder({ "subject.txt": "subject-old" }), "subject.txt");
  tokens.lifeSeconds = 8;
  const { chat } = await liveWith(fileOf(credentials(tokens.url, subject)));
  const first = await chat();
  expect(first).toBe("Bearer ya29.token-1");
  tokens.failures = 1;
  tokens.lifeSeconds = 3600;
  writeFileSync(subject, "subject-new");
  const seen: (string | undefined)[] = [];
  await until(async () => {
    seen.push(await chat());
    return seen.at(-1) !== first;
  }, 20_000);
  // Every request in between was served, with the old token and then with the new one.
  expect(new Set(seen)).toEqual(new Set([first, "Bearer ya29.token-3"]));
  expect(tokens.asked).toHaveLength(3);
  if (kind === "workload identity") expect(tokens.asked[2]?.body).toContain("subject-new");
});

test("without a token the caller is told so, at once", async () => {
  const file = path.join(temporaryFolder({ "credentials.json": '{"type":"service_account","client_email":"x"}' }), "credentials.json");
  await expect(chatsWith(file)).rejects.toMatchObject({ status: 502, code: "upstream_unauthorised", message: expect.stringContaining("no access token") });
});

test("a credentials file that names a program to run is not followed", async () => {
  const credentials = {
    type: "external_account",
    audience: "a",
    subject_token_type: "t",
    token_url: "http://127.0.0.1:9",
    credential_source: { executable: { command: "touch x" } },
  };
  const file = path.join(temporaryFolder({ "credentials.json": JSON.stringify(credentials) }), "credentials.json");
  await expect(googleToken(file, fetch)).rejects.toThrow("names a program");
});
