import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import path from "node:path";
import { expect, test } from "vitest";
import { startNotes } from "../../router/commands/start-notes.ts";
import { loadConfig } from "../../router/config/load-config.ts";
import { startLive } from "../support/live-service.ts";
import { connectProxy, privateAuthority } from "../support/private-authority.ts";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** What is asked beside requests takes their way out: names that only the proxy knows, certificates that only the company's authority vouches for. */
const tokens =
  (seen: string[]): RequestListener =>
  (request, response) => {
    request.resume().on("end", () => {
      seen.push(`${request.headers.host} ${request.url}`);
      response.setHeader("content-type", "application/json");
      if (request.url === "/subject") response.end('{"token":"subject"}');
      else response.end('{"access_token":"ya29.by-the-proxy","token_type":"Bearer","expires_in":3600}');
    });
  };

function serviceAccount(origin: string): object {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  return { type: "service_account", client_email: "r@p", private_key_id: "1", private_key: key, token_uri: `${origin}/token` };
}
const workloadIdentity = (origin: string): object => ({
  type: "external_account",
  audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  token_url: `${origin}/token`,
  credential_source: { url: `${origin}/subject`, format: { type: "json", subject_token_field_name: "token" } },
});

test.each([
  ["a service account", serviceAccount, ["/token"]],
  ["workload identity", workloadIdentity, ["/subject", "/token"]],
])("Google's tokens of %s come through the configuration's proxy and authorities", async (_kind, credentials, paths) => {
  const authority = privateAuthority();
  const seen: string[] = [];
  const port = await authority.serve("oauth.corp.test", tokens(seen));
  const proxy = await connectProxy();
  const file = path.join(temporaryFolder({ "credentials.json": JSON.stringify(credentials(`https://oauth.corp.test:${port}`)) }), "credentials.json");
  const live = await startLive({
    providers: ["vertex"],
    deployment: ", project: p, location: europe-west4",
    key: `{ google: ${JSON.stringify(file)} }`,
    more: `egress: { proxy: ${proxy.url}, ca: ${JSON.stringify(authority.caFile)} }`,
  });
  const answer = readFileSync(path.join(projectRoot, "fixtures/wire/vertex/text.json"), "utf8");
  live.upstreams[0]?.next((response) => response.setHeader("content-type", "application/json").end(answer));
  await live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "hi" }] });
  expect(live.upstreams[0]?.seen[0]?.headers.authorization).toBe("Bearer ya29.by-the-proxy");
  expect(seen).toEqual(paths.map((at) => `oauth.corp.test:${port} ${at}`));
  expect(new Set(proxy.asked)).toEqual(new Set([`oauth.corp.test:${port}`]));
});

test("init asks for models through the environment's proxy", async () => {
  const authority = privateAuthority();
  const keys: (string | undefined)[] = [];
  const port = await authority.serve("api.corp.test", (request, response) => {
    keys.push(request.headers.authorization);
    response.setHeader("content-type", "application/json").end('{"data":[{"id":"gpt-corp"}]}');
  });
  const proxy = await connectProxy();
  const folder = temporaryFolder();
  const { PATH, HOME } = process.env;
  const child = spawn(path.join(projectRoot, "headgate"), ["init", "--json"], {
    cwd: folder,
    env: {
      PATH,
      HOME,
      OPENAI_API_KEY: "sk-init",
      OPENAI_BASE_URL: `https://api.corp.test:${port}/v1`,
      HTTPS_PROXY: proxy.url,
      NODE_EXTRA_CA_CERTS: authority.caFile,
    },
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  expect([await new Promise((resolve) => child.on("close", resolve)), said]).toEqual([0, ""]);
  expect(readFileSync(path.join(folder, "headgate.yaml"), "utf8")).toContain('model: "gpt-corp"');
  expect([proxy.asked, keys]).toEqual([[`api.corp.test:${port}`], ["Bearer sk-init"]]);
});

test("the start's notes reach providers as requests do, and say what is in the way", async () => {
  const authority = privateAuthority();
  const port = await authority.serve("api.corp.test", (_request, response) => response.end());
  const proxy = await connectProxy();
  const notesWith = async (egress: string): Promise<string> => {
    const yaml = `egress: ${egress}\ndeployments: { one: { provider: openai, model: m, endpoints: ["https://api.corp.test:${port}"] } }\nroutes: { chat: { deployments: [one] } }\n`;
    return (await startNotes(loadConfig(path.join(temporaryFolder({ "headgate.yaml": yaml }), "headgate.yaml"), {})))[0] ?? "";
  };
  const by = `by the proxy ${new URL(proxy.url).host}`;
  expect(await notesWith(`{ proxy: ${proxy.url}, ca: ${JSON.stringify(authority.caFile)} }`)).toMatch(new RegExp(`: reachable in \\d+ ms ${by}$`));
  expect(await notesWith(`{ proxy: ${proxy.url} }`)).toMatch(new RegExp(`: not reachable \\(\\w+\\) ${by}$`));
  expect(await notesWith("{ proxy: http://127.0.0.1:9 }")).toMatch(/: not reachable \(ECONNREFUSED\) by the proxy 127\.0\.0\.1:9$/);
});
