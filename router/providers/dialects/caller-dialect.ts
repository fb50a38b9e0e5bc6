import type { EventWriter, NeutralAnswer } from "../neutral/neutral-answer.ts";
import type { NeutralRequest } from "../neutral/neutral-request.ts";
import type { CallerRequest } from "../provider-adapter.ts";

/** A dialect that callers speak and that can be translated: its requests are read, its answers written. */
export interface CallerDialect {
  /** @throws Untranslatable */
  readRequest(body: unknown): NeutralRequest;
  writeAnswer(answer: NeutralAnswer, about: AnswerAbout): object;
  openWriter(about: AnswerAbout & { readonly includeUsage: boolean }): EventWriter;
}

/** What stands in every answer. @property createdSeconds since the epoch */
export interface AnswerAbout {
  readonly model: string;
  readonly createdSeconds: number;
}

export const aboutOf = ({ scan }: CallerRequest): AnswerAbout & { readonly includeUsage: boolean } => ({
  model: scan.model ?? "",
  createdSeconds: Math.floor(Date.now() / 1000),
  includeUsage: scan.includeUsage,
});
