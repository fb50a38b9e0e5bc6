import type { EventReader, NeutralAnswer } from "./neutral/neutral-answer.ts";
import type { NeutralRequest } from "./neutral/neutral-request.ts";
import type { Credential } from "./credential.ts";
import type { Dialect, Failure, ResponseHeaders, Target } from "./provider-adapter.ts";

export interface WrittenRequest {
  readonly body: Readonly<Record<string, unknown>>;
  readonly dropped: readonly string[];
}

/** What is a provider's own; `makeAdapter` does the rest. */
export interface ProviderFormat {
  readonly name: string;
  /** The dialects that it speaks itself: their bytes pass. All others are translated into its own. */
  readonly speaks: ReadonlySet<Dialect>;
  /** @returns the path with its query; `translated`: what `writeRequest` has written */
  path(dialect: Dialect | "translated", target: Target, stream: boolean, passed: string): string;
  readonly headers: readonly string[];
  writeRequest(request: NeutralRequest, target: Target): WrittenRequest;
  /** Null: it is no answer of this provider. */
  readAnswer(value: unknown): NeutralAnswer | null;
  openReader(): EventReader;
  /** @param nowMs wall clock, for a Retry-After that is a date */
  readFailure(status: number, headers: ResponseHeaders, body: Uint8Array, nowMs: number): Failure;
  authorise(credential: Credential, target: Target): readonly string[] | null;
}
