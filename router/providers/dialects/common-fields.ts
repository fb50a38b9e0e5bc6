/** What callers say alike in every dialect that is translated. */
import type { NeutralPart, NeutralRequest, NeutralTool } from "../neutral/neutral-request.ts";
import { fieldsAt, isGiven, listAt, numberAt } from "../neutral/untranslatable.ts";
import type { Fields } from "../../core/fields.ts";

type CommonFields = Pick<NeutralRequest, "tools" | "temperature" | "topP" | "stream">;
type ChatFields = Pick<NeutralRequest, "topK" | "stop" | "choices" | "seed" | "presencePenalty" | "frequencyPenalty" | "logprobs">;

/** @param readTool one of `tools`, and where it stands */
export function commonFields(body: Fields, readTool: (tool: Fields, at: string) => NeutralTool): CommonFields {
  return {
    tools: isGiven(body["tools"]) ? listAt(body["tools"], "tools").map((one, place) => readTool(fieldsAt(one, `tools[${place}]`), `tools[${place}]`)) : [],
    temperature: numberAt(body["temperature"], "temperature"),
    topP: numberAt(body["top_p"], "top_p"),
    stream: body["stream"] === true,
  };
}

/** What a dialect has no words for, that chat completions have. */
export const unsaid: ChatFields = { topK: null, stop: [], choices: 1, seed: null, presencePenalty: null, frequencyPenalty: null, logprobs: null };

/** A text, or a list of parts. @param readPart null: it means nothing to another provider */
export function readParts(content: unknown, at: string, readPart: (part: Fields, at: string) => NeutralPart | null): readonly NeutralPart[] {
  if (typeof content === "string") return [{ kind: "text", text: content }];
  return listAt(content, at).flatMap((one, place) => readPart(fieldsAt(one, `${at}[${place}]`), `${at}[${place}]`) ?? []);
}
