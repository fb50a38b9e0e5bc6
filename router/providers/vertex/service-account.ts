import { createSign } from "node:crypto";
import type { gaxios } from "google-auth-library";
import { textAt } from "../neutral/untranslatable.ts";
import { type Fields, isFields } from "../../core/fields.ts";

/** What a credentials file gives: a token, and until when it holds. */
export interface AccessToken {
  readonly token: string;
  /** Null: it is not said. */
  readonly expiresMs: number | null;
}

export interface TokenSetting {
  /** Of the credentials, for messages. */
  readonly file: string;
  readonly scopes: readonly string[];
  readonly nowMs: number;
  readonly transporter: gaxios.Gaxios;
}

const tokenUriDefault = "https://oauth2.googleapis.com/token";
const assertionSeconds = 3600;
const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * A service account's access token: an assertion signed with its private key (RS256) is changed for it (RFC 7523, section 2.1) at the `token_uri` of the credentials file, which Google's own library does not
 * look at: it may be a private endpoint.
 */
export async function serviceAccountToken(credentials: Fields, { file, scopes, nowMs, transporter }: TokenSetting): Promise<AccessToken> {
  const text = (field: string): string => textAt(credentials[field], `${file}: ${field}`);
  const tokenUri = credentials["token_uri"] === undefined ? tokenUriDefault : text("token_uri");
  const issued = Math.floor(nowMs / 1000);
  const head = { alg: "RS256", typ: "JWT", kid: text("private_key_id") };
  const claims = { iss: text("client_email"), scope: scopes.join(" "), aud: tokenUri, iat: issued, exp: issued + assertionSeconds };
  const signed = `${base64url(head)}.${base64url(claims)}`;
  const assertion = `${signed}.${createSign("RSA-SHA256").update(signed).sign(text("private_key"), "base64url")}`;
  const answer = await transporter.request<unknown>({
    url: tokenUri,
    method: "POST",
    data: new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }),
    responseType: "json",
    redirect: "error",
  });
  const told = isFields(answer.data) ? answer.data : {};
  const seconds = told["expires_in"];
  const expiresMs = typeof seconds === "number" ? nowMs + seconds * 1000 : null;
  return { token: textAt(told["access_token"], `${tokenUri}: access_token`), expiresMs };
}
