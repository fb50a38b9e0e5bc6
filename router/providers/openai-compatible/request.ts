import type { NeutralMessage, NeutralPart, NeutralRequest, NeutralTool, NeutralToolChoice } from "../neutral/neutral-request.ts";
import { Untranslatable } from "../neutral/untranslatable.ts";
import type { WrittenRequest } from "../provider-format.ts";

/** How servers of this dialect differ. */
export interface ChatFlavour {
  readonly capField: "max_tokens" | "max_completion_tokens";
  readonly takesTopK: boolean;
}

/** A conversation as OpenAI's chat completions have it. */
export function writeChatRequest(request: NeutralRequest, model: string, flavour: ChatFlavour): WrittenRequest {
  const { stream, tools, logprobs } = request;
  const body: Record<string, unknown> = {
    model,
    messages: [...request.system.map((content) => ({ role: "system", content })), ...request.messages.flatMap(writeMessage)],
    [flavour.capField]: request.outputTokensMax,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: flavour.takesTopK ? request.topK : null,
    stop: request.stop.length === 0 ? null : request.stop,
    n: request.choices === 1 ? null : request.choices,
    seed: request.seed,
    presence_penalty: request.presencePenalty,
    frequency_penalty: request.frequencyPenalty,
    logprobs: logprobs === null ? null : true,
    top_logprobs: logprobs,
    response_format: writeFormat(request),
    user: request.user,
    tools: tools.length === 0 ? null : tools.map(writeTool),
    tool_choice: request.toolChoice === null ? null : writeToolChoice(request.toolChoice),
    parallel_tool_calls: tools.length === 0 ? null : request.parallelTools,
    stream: stream ? true : null,
    stream_options: stream ? { include_usage: true } : null,
  };
  const dropped = request.topK !== null && !flavour.takesTopK ? ["top_k"] : [];
  return { body: withoutNulls(body), dropped };
}

export function withoutNulls(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

function writeMessage(message: NeutralMessage): readonly object[] {
  return message.role === "assistant" ? [writeAssistant(message.parts)] : writeUser(message.parts);
}

function writeAssistant(parts: readonly NeutralPart[]): object {
  const text = parts.flatMap((part) => (part.kind === "text" ? part.text : [])).join("");
  const calls = parts.flatMap((part) =>
    part.kind === "tool-call" ? { id: part.id, type: "function", function: { name: part.name, arguments: part.arguments === "" ? "{}" : part.arguments } } : [],
  );
  return { role: "assistant", content: text === "" && calls.length > 0 ? null : text, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
}

/** Each tool's result is a message of its own, before what the user says; pictures in a result can only stand in the user's message. */
function writeUser(parts: readonly NeutralPart[]): readonly object[] {
  const results = parts.filter((part) => part.kind === "tool-result");
  const pictures = results.flatMap((part) => part.parts.filter(({ kind }) => kind !== "text"));
  const said = [...pictures, ...parts.filter(({ kind }) => kind !== "tool-result")];
  const messages: object[] = results.map((part) => ({
    role: "tool",
    tool_call_id: part.id,
    content: part.parts.flatMap((inner) => (inner.kind === "text" ? inner.text : [])).join("\n"),
  }));
  if (said.length > 0) messages.push({ role: "user", content: writeContent(said) });
  return messages;
}

function writeContent(parts: readonly NeutralPart[]): unknown {
  if (parts.every(({ kind }) => kind === "text")) return parts.flatMap((part) => (part.kind === "text" ? part.text : [])).join("\n");
  return parts.flatMap(writePart);
}

function writePart(part: NeutralPart): object {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text };
    case "link":
      return { type: "image_url", image_url: { url: part.url } };
    case "media":
      return writeMedia(part);
    case "thinking":
    case "tool-call":
    case "tool-result":
      throw new Untranslatable("messages", `a ${part.kind} cannot stand in a user's message`);
  }
}

function writeMedia({ mediaType, data, name }: Extract<NeutralPart, { kind: "media" }>): object {
  const url = `data:${mediaType};base64,${data}`;
  if (mediaType.startsWith("image/")) return { type: "image_url", image_url: { url } };
  if (mediaType.startsWith("audio/")) return { type: "input_audio", input_audio: { data, format: mediaType === "audio/mpeg" ? "mp3" : mediaType.slice(6) } };
  return { type: "file", file: { filename: name ?? "document.pdf", file_data: url } };
}

function writeTool({ name, description, parameters, strict }: NeutralTool): object {
  return { type: "function", function: withoutNulls({ name, description, parameters, strict }) };
}

function writeToolChoice(choice: NeutralToolChoice): unknown {
  return choice.kind === "tool" ? { type: "function", function: { name: choice.name } } : choice.kind;
}

function writeFormat({ format }: NeutralRequest): unknown {
  if (format === null) return null;
  if (format.kind === "json") return { type: "json_object" };
  return { type: "json_schema", json_schema: withoutNulls({ name: format.name, schema: format.schema, strict: format.strict }) };
}
