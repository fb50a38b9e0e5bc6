import { hostTimerMaxMs } from "../../core/time.ts";
import type { SecretSource } from "../credential.ts";
import type { AccessToken } from "./service-account.ts";

/** A token lives for an hour as a rule; a new one is fetched so long before the old one's end, or after half of a short life. */
const aheadMs = 5 * 60_000;
/** After a failure; it doubles with each, up to a minute while a token is held, and to five seconds while there is none. */
const againMs = 1_000;
const againMaxMs = 60_000;
const againWithoutMs = 5_000;
/** A try that is not answered is given up. */
const patienceMs = 20_000;
const lifeDefaultMs = 3_600_000;

/** What fetches a token. */
export type FetchToken = (file: string | null) => Promise<AccessToken>;

/**
 * Google's access tokens, fetched and renewed in the background: the request path only reads the last one. A token whose renewal fails is used to its end.
 */
export class GoogleTokens {
  readonly #onTrouble: (message: string) => void;
  readonly #fetch: FetchToken;
  readonly #tokens = new Map<string | null, Token>();

  constructor(onTrouble: (message: string) => void, fetch: FetchToken) {
    this.#onTrouble = onTrouble;
    this.#fetch = fetch;
  }

  /** @param file credentials; null: the environment's own */
  source(file: string | null): SecretSource {
    let token = this.#tokens.get(file);
    if (token === undefined) this.#tokens.set(file, (token = new Token(async () => this.#fetch(file), this.#onTrouble)));
    const known = token;
    return () => known.current();
  }

  /** Each has been fetched once, or the limit is over. */
  async ready(limitMs: number): Promise<void> {
    if (this.#tokens.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([Promise.all([...this.#tokens.values()].map(async ({ first }) => first)), limit]);
    clearTimeout(timer);
  }

  close(): void {
    for (const token of this.#tokens.values()) token.close();
  }
}

class Token {
  readonly first: Promise<void>;
  readonly #fetch: () => ReturnType<FetchToken>;
  readonly #onTrouble: (message: string) => void;
  #value: string | null = null;
  #expiresMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #closed = false;

  constructor(fetch: () => ReturnType<FetchToken>, onTrouble: (message: string) => void) {
    this.#fetch = fetch;
    this.#onTrouble = onTrouble;
    this.first = this.#renew();
  }

  current(): string | null {
    return Date.now() < this.#expiresMs ? this.#value : null;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #renew(): Promise<void> {
    try {
      const { token, expiresMs } = await answered(this.#fetch());
      this.#value = token;
      this.#expiresMs = expiresMs ?? Date.now() + lifeDefaultMs;
      this.#failures = 0;
      const lifeMs = this.#expiresMs - Date.now();
      this.#later(Math.max(againMs, lifeMs - Math.min(aheadMs, lifeMs / 2)));
    } catch (error) {
      this.#onTrouble(error instanceof Error ? error.message : String(error));
      const waitMs = againMs * 2 ** this.#failures;
      this.#failures = Math.min(this.#failures + 1, 10);
      this.#later(Math.min(waitMs, this.current() === null ? againWithoutMs : againMaxMs));
    }
  }

  #later(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#renew(), Math.min(ms, hostTimerMaxMs));
    this.#timer.unref();
  }
}

async function answered(asked: Promise<AccessToken>): Promise<AccessToken> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs / 1000} s`)), patienceMs);
  });
  try {
    return await Promise.race([asked, limit]);
  } finally {
    clearTimeout(timer);
  }
}
