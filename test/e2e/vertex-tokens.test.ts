import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { googleClient } from "../../router/providers/vertex/google-client.ts";
import { startLive } from "../support/live-service.ts";
import { projectRoot } from "../support/project-root.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Google's token endpoint, as google-auth-library asks it. */
async function tokenServer(): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      asked.push(Buffer.concat(chunks).toString());
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          access_token: `ya29.token-${asked.length}`,
          token_type: "Bearer",
          expires_in: 3600,
          issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, asked };
}

const answer = readFileSync(path.join(projectRoot, "fixtures/wire/vertex/text.json"), "utf8");

async function chatsWith(file: string): Promise<readonly (string | undefined)[]> {
  const live = await startLive({ providers: ["vertex"], deployment: ", project: p, location: europe-west4", key: `{ google: ${JSON.stringify(file)} }` });
  if (live.upstreams[0] !== undefined)
    live.upstreams[0].otherwise = (response) => {
      response.setHeader("content-type", "application/json");
      response.end(answer);
    };
  for (let round = 0; round < 3; round += 1) await live.client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "hi" }] });
  const seen = live.upstreams[0]?.seen ?? [];
  expect(seen[0]?.path).toBe("/v1/projects/p/locations/europe-west4/publishers/google/models/upstream-model:generateContent");
  return seen.map(({ headers }) => headers.authorization);
}

test("workload identity: the subject's token is changed for an access token once, before the first request", async () => {
  const { url, asked } = await tokenServer();
  const folder = temporaryFolder({ "subject.txt": "subject-token" });
  const credentials = {
    type: "external_account",
    audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: url,
    credential_source: { file: path.join(folder, "subject.txt") },
  };
  const file = path.join(temporaryFolder({ "credentials.json": JSON.stringify(credentials) }), "credentials.json");
  expect(await chatsWith(file)).toEqual(Array.from({ length: 3 }, () => "Bearer ya29.token-1"));
  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain("subject-token");
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
  await expect(googleClient(file)).rejects.toThrow("names a program");
});
