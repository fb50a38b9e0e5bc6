import { readFileSync } from "node:fs";
import {
  type AuthClient,
  AwsClient,
  type AwsClientOptions,
  gaxios,
  GoogleAuth,
  IdentityPoolClient,
  type IdentityPoolClientOptions,
  UserRefreshClient,
} from "google-auth-library";
import { fieldsAt, textAt } from "../neutral/untranslatable.ts";
import { type AccessToken, serviceAccountToken } from "./service-account.ts";
import { type Fields, isFields } from "../../core/fields.ts";

const scopes = ["https://www.googleapis.com/auth/cloud-platform"];

/**
 * An access token by a credentials file: a service account's, workload identity federation (a file, a URL, AWS), or a user's own. The file is read each time, since it may be changed for another. One that
 * names a program to run is refused: a configuration must not start programs. Without a file it is what the machine or the environment provides.
 * Whoever is asked for it is asked by `fetch`, but the metadata service of Google's own machines, which is always at hand.
 */
export async function googleToken(file: string | null, fetchImplementation: typeof fetch): Promise<AccessToken> {
  const transporter = new gaxios.Gaxios({ fetchImplementation });
  if (file === null) return tokenOf(await new GoogleAuth({ scopes, clientOptions: { transporter } }).getClient());
  const credentials = fieldsAt(JSON.parse(readFileSync(file, "utf8")), file);
  if (credentials["type"] === "service_account") return serviceAccountToken(credentials, { file, scopes, nowMs: Date.now(), transporter });
  return tokenOf(clientOf(credentials, file, transporter));
}

function clientOf(credentials: Fields, file: string, transporter: gaxios.Gaxios): AuthClient {
  const text = (field: string): string => textAt(credentials[field], `${file}: ${field}`);
  switch (credentials["type"]) {
    case "authorized_user":
      return new UserRefreshClient({ clientId: text("client_id"), clientSecret: text("client_secret"), refreshToken: text("refresh_token"), transporter });
    case "external_account": {
      const source = isFields(credentials["credential_source"]) ? credentials["credential_source"] : {};
      if ("executable" in source) throw new Error(`${file} names a program to run, which is not done`);
      const options: unknown = { ...credentials, scopes, transporter };
      const client = "environment_id" in source ? new AwsClient(options as AwsClientOptions) : new IdentityPoolClient(options as IdentityPoolClientOptions);
      return exchangedBy(client, transporter);
    }
    default:
      throw new Error(`${file} is of no known type; a service account's or a workload identity's credentials are wanted`);
  }
}

/** The library (11.3) changes the subject's token for another by a client of its own, whatever it was given. */
function exchangedBy(client: AuthClient, transporter: gaxios.Gaxios): AuthClient {
  if ("stsCredential" in client && isFields(client.stsCredential)) Object.assign(client.stsCredential, { transporter });
  return client;
}

async function tokenOf(client: AuthClient): Promise<AccessToken> {
  const { token } = await client.getAccessToken();
  if (token === null || token === undefined || token === "") throw new Error("Google gave no access token");
  return { token, expiresMs: client.credentials.expiry_date ?? null };
}
