declare const sealed: unique symbol;

/** Opaque: only `openCredential` reads it, and only for its own origin. */
export interface Credential {
  readonly origin: string;
  readonly [sealed]: never;
}

/** What is sent now; null: there is none yet (a token that could not be fetched). */
export type SecretSource = () => string | null;

const secrets = new WeakMap<Credential, SecretSource>();

export function sealCredential(origin: string, secret: SecretSource): Credential {
  const credential = Object.freeze({ origin }) as Credential;
  secrets.set(credential, secret);
  return credential;
}

/** A provider's key reaches only that provider (invariant I12). Null: there is none yet. */
export function openCredential(credential: Credential, origin: string): string | null {
  const secret = secrets.get(credential);
  if (secret === undefined || credential.origin !== origin) throw new Error(`assertion: the credential for ${credential.origin} was asked for by ${origin}`);
  return secret();
}
