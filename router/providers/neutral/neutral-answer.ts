import type { Usage } from "../../core/messages.ts";
import type { Failure, StopReason } from "../provider-adapter.ts";
import type { NeutralThinking, NeutralToolCall } from "./neutral-request.ts";

export interface NeutralAnswer {
  readonly id: string;
  readonly choices: readonly NeutralChoice[];
  readonly usage: Usage | null;
}
export interface NeutralChoice {
  readonly parts: readonly AnswerPart[];
  readonly reason: StopReason;
  /** The caller's own stop text that ended it; null: not known. */
  readonly stopText: string | null;
  readonly logprobs: readonly TokenLogprob[] | null;
}
export type AnswerPart = { readonly kind: "text"; readonly text: string } | NeutralThinking | NeutralToolCall;
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[] | null;
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number; readonly bytes: readonly number[] | null }[];
}

/** A streamed answer. `choice` and `call` count from 0; a call's arguments come after its start, in pieces of JSON text. */
export type NeutralEvent =
  | { readonly kind: "started"; readonly id: string; readonly usage: Usage | null }
  | { readonly kind: "text"; readonly choice: number; readonly text: string; readonly logprobs: readonly TokenLogprob[] | null }
  | { readonly kind: "thinking"; readonly choice: number; readonly text: string }
  | { readonly kind: "thinking-signed"; readonly choice: number; readonly signature: string }
  | {
      readonly kind: "call-started";
      readonly choice: number;
      readonly call: number;
      readonly id: string;
      readonly name: string;
      readonly signature: string | null;
    }
  | { readonly kind: "call-arguments"; readonly choice: number; readonly call: number; readonly text: string }
  | { readonly kind: "finished"; readonly choice: number; readonly reason: StopReason; readonly stopText: string | null }
  | { readonly kind: "usage"; readonly usage: Usage };

/** Reads one provider's stream. */
export interface EventReader {
  /** @param payload the data of one event @returns `more`, `done` when this was the last one, or how it failed */
  read(payload: string, emit: (event: NeutralEvent) => void): "more" | "done" | Failure;
  /** Whether the answer is whole when the connection ends now. */
  isWhole(): boolean;
}

/** Writes one caller's stream. */
export interface EventWriter {
  write(event: NeutralEvent): string;
  end(): string;
}

export const isContent = ({ kind }: NeutralEvent): boolean => kind === "text" || kind === "thinking" || kind === "call-started" || kind === "call-arguments";
