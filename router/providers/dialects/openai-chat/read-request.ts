import { splitCallId } from "../../neutral/call-id.ts";
import type { NeutralFormat, NeutralMessage, NeutralPart, NeutralRequest, NeutralTool, NeutralToolChoice } from "../../neutral/neutral-request.ts";
import {
  dataUrl,
  fieldsAt,
  isGiven,
  leftOver,
  listAt,
  numberAt,
  optionalFlag,
  optionalText,
  refuseFields,
  textAt,
  Untranslatable,
} from "../../neutral/untranslatable.ts";
import { commonFields, readParts } from "../common-fields.ts";
import { type Fields, isFields } from "../../../core/fields.ts";

const known = new Set([
  "model",
  "messages",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop",
  "n",
  "seed",
  "presence_penalty",
  "frequency_penalty",
  "logprobs",
  "top_logprobs",
  "response_format",
  "user",
  "stream",
  "stream_options",
  "modalities",
]);
/** Without them the answer would be another thing than what was asked for. */
const refused = ["functions", "function_call", "audio", "web_search_options", "prediction"];

export function readChatRequest(value: unknown): NeutralRequest {
  const body = fieldsAt(value, "body");
  refuseFields(body, refused, "the provider that serves this model has nothing like it");
  if (Array.isArray(body["modalities"]) && body["modalities"].some((one) => one !== "text"))
    throw new Untranslatable("modalities", "only text can be answered");
  const { system, messages } = readMessages(listAt(body["messages"], "messages"));
  return {
    ...commonFields(body, readTool),
    system,
    messages,
    toolChoice: readToolChoice(body["tool_choice"]),
    parallelTools: optionalFlag(body["parallel_tool_calls"]),
    outputTokensMax: numberAt(body["max_completion_tokens"], "max_completion_tokens") ?? numberAt(body["max_tokens"], "max_tokens"),
    topK: numberAt(body["top_k"], "top_k"),
    stop: readStop(body["stop"]),
    choices: numberAt(body["n"], "n") ?? 1,
    seed: numberAt(body["seed"], "seed"),
    presencePenalty: numberAt(body["presence_penalty"], "presence_penalty"),
    frequencyPenalty: numberAt(body["frequency_penalty"], "frequency_penalty"),
    logprobs: body["logprobs"] === true ? (numberAt(body["top_logprobs"], "top_logprobs") ?? 0) : null,
    format: readFormat(body["response_format"]),
    user: optionalText(body["user"]),
    dropped: leftOver(body, known),
  };
}

function readMessages(list: readonly unknown[]): { readonly system: readonly string[]; readonly messages: readonly NeutralMessage[] } {
  const system: string[] = [];
  const messages: NeutralMessage[] = [];
  for (const [place, one] of list.entries()) {
    const at = `messages[${place}]`;
    const message = fieldsAt(one, at);
    if (message["role"] === "system" || message["role"] === "developer") system.push(readTexts(message["content"], `${at}.content`));
    else addMessage(messages, readMessage(message, at));
  }
  return { system, messages };
}

/** Turns alternate in every dialect but this one. */
export function addMessage(messages: NeutralMessage[], message: NeutralMessage): void {
  const last = messages.at(-1);
  if (last?.role === message.role) messages[messages.length - 1] = { role: last.role, parts: [...last.parts, ...message.parts] };
  else messages.push(message);
}

function readMessage(message: Fields, at: string): NeutralMessage {
  switch (message["role"]) {
    case "user":
      return { role: "user", parts: readContent(message["content"], `${at}.content`) };
    case "assistant":
      return {
        role: "assistant",
        parts: [...(isGiven(message["content"]) ? readContent(message["content"], `${at}.content`) : []), ...readCalls(message, at)],
      };
    case "tool": {
      const { id } = splitCallId(textAt(message["tool_call_id"], `${at}.tool_call_id`));
      return { role: "user", parts: [{ kind: "tool-result", id, parts: readContent(message["content"], `${at}.content`), isError: false }] };
    }
    default:
      throw new Untranslatable(`${at}.role`, "must be system, developer, user, assistant or tool");
  }
}

function readCalls(message: Fields, at: string): readonly NeutralPart[] {
  if (!isGiven(message["tool_calls"])) return [];
  return listAt(message["tool_calls"], `${at}.tool_calls`).map((one, place): NeutralPart => {
    const call = fieldsAt(one, `${at}.tool_calls[${place}]`);
    const called = fieldsAt(call["function"], `${at}.tool_calls[${place}].function`);
    const { id, signature } = splitCallId(textAt(call["id"], `${at}.tool_calls[${place}].id`));
    return {
      kind: "tool-call",
      id,
      name: textAt(called["name"], `${at}.tool_calls[${place}].function.name`),
      arguments: optionalText(called["arguments"]) ?? "",
      signature,
    };
  });
}

function readTexts(content: unknown, at: string): string {
  return readContent(content, at)
    .map((part) => {
      if (part.kind === "text") return part.text;
      throw new Untranslatable(at, "only text can stand here");
    })
    .join("\n");
}

const readContent = (content: unknown, at: string): readonly NeutralPart[] => (content === "" ? [] : readParts(content, at, readPart));

function readPart(part: Fields, at: string): NeutralPart {
  switch (part["type"]) {
    case "text":
      return { kind: "text", text: textAt(part["text"], `${at}.text`) };
    case "refusal":
      return { kind: "text", text: textAt(part["refusal"], `${at}.refusal`) };
    case "image_url":
      return readImage(textAt(fieldsAt(part["image_url"], `${at}.image_url`)["url"], `${at}.image_url.url`));
    case "input_audio": {
      const audio = fieldsAt(part["input_audio"], `${at}.input_audio`);
      const format = textAt(audio["format"], `${at}.input_audio.format`);
      return { kind: "media", mediaType: `audio/${format === "mp3" ? "mpeg" : format}`, data: textAt(audio["data"], `${at}.input_audio.data`), name: null };
    }
    case "file":
      return readFile(fieldsAt(part["file"], `${at}.file`), `${at}.file`);
    default:
      throw new Untranslatable(`${at}.type`, `${JSON.stringify(part["type"])} cannot be translated`);
  }
}

export function readImage(url: string): NeutralPart {
  const inline = dataUrl(url);
  return inline === null ? { kind: "link", url } : { kind: "media", ...inline, name: null };
}

export function readFile(file: Fields, at: string): NeutralPart {
  const inline = typeof file["file_data"] === "string" ? dataUrl(file["file_data"]) : null;
  if (inline === null) throw new Untranslatable(at, "a file of another provider cannot be read; send its bytes as file_data");
  return { kind: "media", ...inline, name: optionalText(file["filename"]) };
}

function readTool(tool: Fields, at: string): NeutralTool {
  if (tool["type"] !== "function") throw new Untranslatable(`${at}.type`, "only functions can be translated");
  return toolOf(fieldsAt(tool["function"], `${at}.function`), `${at}.function`);
}

export function toolOf(tool: Fields, at: string): NeutralTool {
  return {
    name: textAt(tool["name"], `${at}.name`),
    description: optionalText(tool["description"]),
    parameters: tool["parameters"] ?? { type: "object", properties: {} },
    strict: optionalFlag(tool["strict"]),
  };
}

function readToolChoice(value: unknown): NeutralToolChoice | null {
  if (!isGiven(value)) return null;
  if (value === "auto" || value === "none" || value === "required") return { kind: value };
  const choice = fieldsAt(value, "tool_choice");
  if (choice["type"] !== "function" || !isFields(choice["function"]))
    throw new Untranslatable("tool_choice", "only auto, none, required or one function can be translated");
  return { kind: "tool", name: textAt(choice["function"]["name"], "tool_choice.function.name") };
}

function readStop(value: unknown): readonly string[] {
  if (!isGiven(value)) return [];
  return typeof value === "string" ? [value] : listAt(value, "stop").map((one) => textAt(one, "stop"));
}

function readFormat(value: unknown): NeutralFormat | null {
  if (!isGiven(value)) return null;
  const format = fieldsAt(value, "response_format");
  if (format["type"] === "text") return null;
  if (format["type"] === "json_object") return { kind: "json" };
  if (format["type"] !== "json_schema") throw new Untranslatable("response_format.type", `${JSON.stringify(format["type"])} cannot be translated`);
  const schema = fieldsAt(format["json_schema"], "response_format.json_schema");
  return { kind: "schema", name: optionalText(schema["name"]) ?? "answer", schema: schema["schema"] ?? {}, strict: optionalFlag(schema["strict"]) };
}
