import { splitCallId } from "../../neutral/call-id.ts";
import type { NeutralFormat, NeutralMessage, NeutralPart, NeutralRequest, NeutralTool, NeutralToolChoice } from "../../neutral/neutral-request.ts";
import {
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
import { commonFields, readParts, unsaid } from "../common-fields.ts";
import { type Fields, isFields } from "../../../core/fields.ts";

const known = new Set([
  "model",
  "messages",
  "system",
  "tools",
  "tool_choice",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "metadata",
  "stream",
  "output_config",
]);
const refused = ["container", "mcp_servers", "context_management"];

export function readMessagesRequest(value: unknown): NeutralRequest {
  const body = fieldsAt(value, "body");
  refuseFields(body, refused, "the provider that serves this model has nothing like it");
  const choice = isFields(body["tool_choice"]) ? body["tool_choice"] : null;
  const config = isFields(body["output_config"]) ? body["output_config"] : {};
  return {
    ...unsaid,
    ...commonFields(body, readTool),
    system: readSystem(body["system"]),
    messages: listAt(body["messages"], "messages").map(readMessage),
    toolChoice: choice === null ? null : readToolChoice(choice),
    parallelTools: choice?.["disable_parallel_tool_use"] === true ? false : null,
    outputTokensMax: numberAt(body["max_tokens"], "max_tokens"),
    topK: numberAt(body["top_k"], "top_k"),
    stop: isGiven(body["stop_sequences"]) ? listAt(body["stop_sequences"], "stop_sequences").map((one) => textAt(one, "stop_sequences")) : [],
    format: readFormat(config["format"]),
    user: isFields(body["metadata"]) ? optionalText(body["metadata"]["user_id"]) : null,
    dropped: [...leftOver(body, known), ...(isGiven(config["effort"]) ? ["output_config.effort"] : [])],
  };
}

function readSystem(value: unknown): readonly string[] {
  if (!isGiven(value)) return [];
  if (typeof value === "string") return value === "" ? [] : [value];
  return listAt(value, "system").map((one, place) => textAt(fieldsAt(one, `system[${place}]`)["text"], `system[${place}].text`));
}

function readMessage(value: unknown, place: number): NeutralMessage {
  const at = `messages[${place}]`;
  const { role, content } = fieldsAt(value, at);
  if (role !== "user" && role !== "assistant") throw new Untranslatable(`${at}.role`, "must be user or assistant");
  return { role, parts: readContent(content, `${at}.content`) };
}

const readContent = (content: unknown, at: string): readonly NeutralPart[] => readParts(content, at, readBlock);

/** Null: it means nothing to another provider. */
function readBlock(block: Fields, at: string): NeutralPart | null {
  switch (block["type"]) {
    case "text":
      return { kind: "text", text: textAt(block["text"], `${at}.text`) };
    case "image":
    case "document":
      return readSource(block, fieldsAt(block["source"], `${at}.source`), `${at}.source`);
    case "tool_use": {
      const { id, signature } = splitCallId(textAt(block["id"], `${at}.id`));
      return { kind: "tool-call", id, name: textAt(block["name"], `${at}.name`), arguments: JSON.stringify(block["input"] ?? {}), signature };
    }
    case "tool_result": {
      const { id } = splitCallId(textAt(block["tool_use_id"], `${at}.tool_use_id`));
      const parts = isGiven(block["content"]) ? readContent(block["content"], `${at}.content`) : [];
      return { kind: "tool-result", id, parts, isError: block["is_error"] === true };
    }
    case "thinking":
      return { kind: "thinking", text: textAt(block["thinking"], `${at}.thinking`), signature: optionalText(block["signature"]) };
    case "redacted_thinking":
      return null;
    default:
      throw new Untranslatable(`${at}.type`, `${JSON.stringify(block["type"])} cannot be translated`);
  }
}

function readSource(block: Fields, source: Fields, at: string): NeutralPart {
  switch (source["type"]) {
    case "base64":
      return {
        kind: "media",
        mediaType: textAt(source["media_type"], `${at}.media_type`),
        data: textAt(source["data"], `${at}.data`),
        name: optionalText(block["title"]),
      };
    case "text":
      return { kind: "text", text: textAt(source["data"], `${at}.data`) };
    case "url":
      if (block["type"] === "image") return { kind: "link", url: textAt(source["url"], `${at}.url`) };
      throw new Untranslatable(at, "a document cannot be fetched by another provider; send its bytes");
    default:
      throw new Untranslatable(`${at}.type`, `${JSON.stringify(source["type"])} cannot be translated`);
  }
}

function readTool(tool: Fields, at: string): NeutralTool {
  if (isGiven(tool["type"]) && tool["type"] !== "custom") throw new Untranslatable(`${at}.type`, `${JSON.stringify(tool["type"])} runs only at Anthropic`);
  return {
    name: textAt(tool["name"], `${at}.name`),
    description: optionalText(tool["description"]),
    parameters: tool["input_schema"] ?? { type: "object", properties: {} },
    strict: optionalFlag(tool["strict"]),
  };
}

function readToolChoice(choice: Fields): NeutralToolChoice {
  switch (choice["type"]) {
    case "auto":
    case "none":
      return { kind: choice["type"] };
    case "any":
      return { kind: "required" };
    case "tool":
      return { kind: "tool", name: textAt(choice["name"], "tool_choice.name") };
    default:
      throw new Untranslatable("tool_choice.type", "must be auto, any, none or tool");
  }
}

function readFormat(value: unknown): NeutralFormat | null {
  if (!isGiven(value)) return null;
  const format = fieldsAt(value, "output_config.format");
  if (format["type"] !== "json_schema") throw new Untranslatable("output_config.format.type", "must be json_schema");
  return { kind: "schema", name: "answer", schema: format["schema"] ?? {}, strict: true };
}
