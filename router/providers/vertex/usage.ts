import type { Usage } from "../../core/messages.ts";
import { believed, tokens } from "../openai-compatible/usage.ts";
import { isFields } from "../../core/fields.ts";

/** Gemini's `usageMetadata`: thoughts stand beside the candidates' tokens, cached ones within the prompt. Null: it is none. */
export function readGenerateUsage(value: unknown): Usage | null {
  if (!isFields(value)) return null;
  const prompt = tokens(value["promptTokenCount"]);
  if (prompt === null) return null;
  const reasoning = tokens(value["thoughtsTokenCount"]) ?? 0;
  const pictureTokens = tokensOfPictures(value["promptTokensDetails"]);
  return believed({
    ...(pictureTokens === 0 ? {} : { pictureTokens }),
    input: prompt + (tokens(value["toolUsePromptTokenCount"]) ?? 0),
    cachedRead: tokens(value["cachedContentTokenCount"]) ?? 0,
    cacheWrite: 0,
    output: (tokens(value["candidatesTokenCount"]) ?? 0) + reasoning,
    reasoning,
  });
}

/** By modality. */
function tokensOfPictures(details: unknown): number {
  if (!Array.isArray(details)) return 0;
  return details.reduce((sum: number, entry: unknown) => sum + (isFields(entry) && entry["modality"] === "IMAGE" ? (tokens(entry["tokenCount"]) ?? 0) : 0), 0);
}
