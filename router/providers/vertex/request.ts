import type { NeutralMessage, NeutralPart, NeutralRequest } from "../neutral/neutral-request.ts";
import { argumentsAt, Untranslatable } from "../neutral/untranslatable.ts";
import { withoutNulls } from "../openai-compatible/request.ts";
import type { WrittenRequest } from "../provider-format.ts";

/** By the end of a link's path: Gemini wants to know what it is before it fetches it. */
const mediaTypes: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  heic: "image/heic",
  pdf: "application/pdf",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  mp4: "video/mp4",
};

/** A conversation as Gemini's generateContent has it. */
export function writeGenerateRequest(request: NeutralRequest): WrittenRequest {
  const { tools, system, logprobs } = request;
  const nameOf = callNames(request.messages);
  const config = withoutNulls({
    maxOutputTokens: request.outputTokensMax,
    temperature: request.temperature,
    topP: request.topP,
    topK: request.topK,
    stopSequences: request.stop.length === 0 ? null : request.stop,
    candidateCount: request.choices === 1 ? null : request.choices,
    seed: request.seed,
    presencePenalty: request.presencePenalty,
    frequencyPenalty: request.frequencyPenalty,
    responseLogprobs: logprobs === null ? null : true,
    logprobs: logprobs === null || logprobs === 0 ? null : logprobs,
    ...formatOf(request),
  });
  const body = withoutNulls({
    systemInstruction: system.length === 0 ? null : { parts: system.map((text) => ({ text })) },
    contents: request.messages.map((message) => writeContent(message, nameOf)),
    generationConfig: Object.keys(config).length === 0 ? null : config,
    tools:
      tools.length === 0
        ? null
        : [{ functionDeclarations: tools.map(({ name, description, parameters }) => withoutNulls({ name, description, parametersJsonSchema: parameters })) }],
    toolConfig: tools.length === 0 ? null : writeToolChoice(request),
  });
  const dropped = request.user === null ? [] : ["user"];
  if (tools.length > 0 && request.parallelTools === false) dropped.push("parallel_tool_calls");
  return { body, dropped };
}

function formatOf({ format }: NeutralRequest): Readonly<Record<string, unknown>> {
  if (format === null) return {};
  return { responseMimeType: "application/json", responseJsonSchema: format.kind === "schema" ? format.schema : null };
}

/** Gemini knows a tool's result by the tool's name, other dialects by the call's id. */
function callNames(messages: readonly NeutralMessage[]): ReadonlyMap<string, string> {
  return new Map(messages.flatMap(({ parts }) => parts.flatMap((part) => (part.kind === "tool-call" ? [[part.id, part.name] as const] : []))));
}

function writeContent({ role, parts }: NeutralMessage, nameOf: ReadonlyMap<string, string>): object {
  const written = parts.flatMap((part) => writePart(part, nameOf));
  return { role: role === "assistant" ? "model" : "user", parts: written.length === 0 ? [{ text: "" }] : written };
}

function writePart(part: NeutralPart, nameOf: ReadonlyMap<string, string>): readonly object[] {
  switch (part.kind) {
    case "text":
      return [{ text: part.text }];
    case "media":
      return [{ inlineData: { mimeType: part.mediaType, data: part.data } }];
    case "link":
      return [{ fileData: { mimeType: mediaTypeOf(part.url), fileUri: part.url } }];
    case "tool-call": {
      const call = { functionCall: { name: part.name, args: argumentsAt(part.arguments, "tool_calls.function.arguments") } };
      return [part.signature === null ? call : { ...call, thoughtSignature: part.signature }];
    }
    case "tool-result": {
      const text = part.parts.flatMap((inner) => (inner.kind === "text" ? inner.text : [])).join("\n");
      const name = nameOf.get(part.id);
      if (name === undefined) throw new Untranslatable("messages", `the result of the call ${part.id} has no call before it`);
      const pictures = part.parts.filter(({ kind }) => kind !== "text").flatMap((inner) => writePart(inner, nameOf));
      return [{ functionResponse: { name, response: part.isError ? { error: text } : { output: text } } }, ...pictures];
    }
    case "thinking":
      return [];
  }
}

function mediaTypeOf(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : url;
  const type = mediaTypes[path.slice(path.lastIndexOf(".") + 1).toLowerCase()];
  if (type === undefined)
    throw new Untranslatable("messages", "Gemini must know what a link is: send the picture as a data: URL, or a link whose path ends in .png, .jpg, .webp");
  return type;
}

function writeToolChoice({ toolChoice }: NeutralRequest): object | null {
  if (toolChoice === null) return null;
  if (toolChoice.kind === "tool") return { functionCallingConfig: { mode: "ANY", allowedFunctionNames: [toolChoice.name] } };
  return { functionCallingConfig: { mode: { auto: "AUTO", none: "NONE", required: "ANY" }[toolChoice.kind] } };
}
