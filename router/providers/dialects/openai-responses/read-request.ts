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
import { addMessage, readFile, readImage, toolOf } from "../openai-chat/read-request.ts";
import { type Fields, isFields } from "../../../core/fields.ts";

const known = new Set([
  "model",
  "input",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_logprobs",
  "text",
  "user",
  "stream",
  "store",
  "background",
]);
const refused = ["previous_response_id", "conversation", "background", "prompt"];

/** Stateless: what stands on an earlier response can only be answered by who gave it. */
export function readResponsesRequest(value: unknown): NeutralRequest {
  const body = fieldsAt(value, "body");
  refuseFields(body, refused, "the provider that serves this model keeps no responses; send the whole conversation as input");
  const instructions = optionalText(body["instructions"]);
  const { system, messages } = readInput(body["input"]);
  return {
    ...unsaid,
    ...commonFields(body, readTool),
    system: instructions === null ? system : [instructions, ...system],
    messages,
    toolChoice: readToolChoice(body["tool_choice"]),
    parallelTools: optionalFlag(body["parallel_tool_calls"]),
    outputTokensMax: numberAt(body["max_output_tokens"], "max_output_tokens"),
    format: isFields(body["text"]) ? readFormat(body["text"]["format"]) : null,
    user: optionalText(body["user"]),
    dropped: [...leftOver(body, known), ...(body["store"] === true ? ["store"] : []), ...(isGiven(body["top_logprobs"]) ? ["top_logprobs"] : [])],
  };
}

function readInput(input: unknown): { readonly system: readonly string[]; readonly messages: readonly NeutralMessage[] } {
  if (typeof input === "string") return { system: [], messages: [{ role: "user", parts: [{ kind: "text", text: input }] }] };
  const system: string[] = [];
  const messages: NeutralMessage[] = [];
  for (const [place, one] of listAt(input, "input").entries()) {
    const at = `input[${place}]`;
    const item = fieldsAt(one, at);
    if (item["role"] === "system" || item["role"] === "developer")
      system.push(
        readContent(item["content"], `${at}.content`)
          .flatMap((part) => (part.kind === "text" ? part.text : []))
          .join("\n"),
      );
    else {
      const message = readItem(item, at);
      if (message !== null) addMessage(messages, message);
    }
  }
  return { system, messages };
}

/** Null: it means nothing to another provider. */
function readItem(item: Fields, at: string): NeutralMessage | null {
  switch (item["type"] ?? "message") {
    case "message":
      if (item["role"] !== "user" && item["role"] !== "assistant") throw new Untranslatable(`${at}.role`, "must be system, developer, user or assistant");
      return { role: item["role"], parts: readContent(item["content"], `${at}.content`) };
    case "function_call": {
      const { id, signature } = splitCallId(textAt(item["call_id"], `${at}.call_id`));
      const call: NeutralPart = {
        kind: "tool-call",
        id,
        name: textAt(item["name"], `${at}.name`),
        arguments: optionalText(item["arguments"]) ?? "",
        signature,
      };
      return { role: "assistant", parts: [call] };
    }
    case "function_call_output": {
      const { id } = splitCallId(textAt(item["call_id"], `${at}.call_id`));
      return { role: "user", parts: [{ kind: "tool-result", id, parts: readContent(item["output"], `${at}.output`), isError: false }] };
    }
    case "reasoning":
      return null;
    default:
      throw new Untranslatable(`${at}.type`, `${JSON.stringify(item["type"])} cannot be translated`);
  }
}

const readContent = (content: unknown, at: string): readonly NeutralPart[] => readParts(content, at, readPart);

function readPart(part: Fields, at: string): NeutralPart {
  switch (part["type"]) {
    case "input_text":
    case "output_text":
    case "text":
      return { kind: "text", text: textAt(part["text"], `${at}.text`) };
    case "refusal":
      return { kind: "text", text: textAt(part["refusal"], `${at}.refusal`) };
    case "input_image":
      return readImage(textAt(part["image_url"], `${at}.image_url`));
    case "input_file":
      return readFile(part, at);
    default:
      throw new Untranslatable(`${at}.type`, `${JSON.stringify(part["type"])} cannot be translated`);
  }
}

function readTool(tool: Fields, at: string): NeutralTool {
  if (tool["type"] === "function") return toolOf(tool, at);
  throw new Untranslatable(`${at}.type`, `${JSON.stringify(tool["type"])} runs only at OpenAI`);
}

function readToolChoice(value: unknown): NeutralToolChoice | null {
  if (!isGiven(value)) return null;
  if (value === "auto" || value === "none" || value === "required") return { kind: value };
  const choice = fieldsAt(value, "tool_choice");
  if (choice["type"] !== "function") throw new Untranslatable("tool_choice", "only auto, none, required or one function can be translated");
  return { kind: "tool", name: textAt(choice["name"], "tool_choice.name") };
}

function readFormat(value: unknown): NeutralFormat | null {
  if (!isGiven(value)) return null;
  const format = fieldsAt(value, "text.format");
  if (format["type"] === "text") return null;
  if (format["type"] === "json_object") return { kind: "json" };
  return { kind: "schema", name: optionalText(format["name"]) ?? "answer", schema: format["schema"] ?? {}, strict: optionalFlag(format["strict"]) };
}
