import { readFileSync } from "node:fs";
import {
  type AuthClient,
  AwsClient,
  type AwsClientOptions,
  GoogleAuth,
  IdentityPoolClient,
  type IdentityPoolClientOptions,
  JWT,
  UserRefreshClient,
} from "google-auth-library";
import { fieldsAt, isFields, textAt } from "../neutral/untranslatable.ts";

const scopes = ["https://www.googleapis.com/auth/cloud-platform"];

/**
 * The client that a credentials file is meant for: a service account, workload identity federation (a file, a URL, AWS), or a user's own. A file that names a program to
 * run is refused: a configuration must not start programs. Without a file it is what the machine or the environment provides.
 */
export async function googleClient(file: string | null): Promise<AuthClient> {
  if (file === null) return new GoogleAuth({ scopes }).getClient();
  const credentials = fieldsAt(JSON.parse(readFileSync(file, "utf8")), file);
  const text = (field: string): string => textAt(credentials[field], `${file}: ${field}`);
  switch (credentials["type"]) {
    case "service_account":
      return new JWT({ email: text("client_email"), key: text("private_key"), keyId: text("private_key_id"), scopes });
    case "authorized_user":
      return new UserRefreshClient({ clientId: text("client_id"), clientSecret: text("client_secret"), refreshToken: text("refresh_token") });
    case "external_account": {
      const source = isFields(credentials["credential_source"]) ? credentials["credential_source"] : {};
      if ("executable" in source) throw new Error(`${file} names a program to run, which is not done`);
      const options: unknown = { ...credentials, scopes };
      return "environment_id" in source ? new AwsClient(options as AwsClientOptions) : new IdentityPoolClient(options as IdentityPoolClientOptions);
    }
    default:
      throw new Error(`${file} is of no known type; a service account's or a workload identity's credentials are wanted`);
  }
}
