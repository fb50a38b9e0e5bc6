import type { NeutralMessage, NeutralPart, NeutralRequest, NeutralToolChoice } from "../neutral/neutral-request.ts";
import { argumentsAt, Untranslatable } from "../neutral/untranslatable.ts";
import { withoutNulls } from "../openai-compatible/request.ts";
import type { WrittenRequest } from "../provider-format.ts";

/** Anthropic takes no request without a cap. */
const outputTokensDefault = 4096;
/** Nothing like it; that they are left out changes how, not what, is answered. */
const leftOut = ["seed", "presencePenalty", "frequencyPenalty"] as const;
const names = { seed: "seed", presencePenalty: "presence_penalty", frequencyPenalty: "frequency_penalty" } as const;

/** A conversation as Anthropic's messages have it. */
export function writeMessagesRequest(request: NeutralRequest, model: string): WrittenRequest {
  const { tools, temperature } = request;
  if (request.choices > 1) throw new Untranslatable("n", "Anthropic gives one answer to a request");
  if (request.logprobs !== null) throw new Untranslatable("logprobs", "Anthropic tells no log probabilities");
  const body = withoutNulls({
    model,
    max_tokens: request.outputTokensMax ?? outputTokensDefault,
    system: request.system.length === 0 ? null : request.system.map((text) => ({ type: "text", text })),
    messages: request.messages.map(writeMessage),
    temperature: temperature === null ? null : Math.min(temperature, 1),
    top_p: request.topP,
    top_k: request.topK,
    stop_sequences: request.stop.length === 0 ? null : request.stop,
    metadata: request.user === null ? null : { user_id: request.user },
    tools:
      tools.length === 0
        ? null
        : tools.map(({ name, description, parameters, strict }) => withoutNulls({ name, description, input_schema: parameters, strict })),
    tool_choice: tools.length === 0 ? null : writeToolChoice(request),
    output_config: writeFormat(request),
    stream: request.stream ? true : null,
  });
  const dropped = leftOut.filter((field) => request[field] !== null).map((field) => names[field] as string);
  if (temperature !== null && temperature > 1) dropped.push("temperature (above 1)");
  return { body, dropped };
}

function writeFormat({ format }: NeutralRequest): object | null {
  if (format === null) return null;
  if (format.kind === "json") throw new Untranslatable("response_format", "Anthropic has no JSON without a schema; give a json_schema");
  return { format: { type: "json_schema", schema: format.schema } };
}

function writeMessage({ role, parts }: NeutralMessage): object {
  const results = parts.filter(({ kind }) => kind === "tool-result");
  const others = parts.filter(({ kind }) => kind !== "tool-result");
  const content = [...results, ...others].flatMap((part) => writeBlock(part) ?? []);
  return { role, content: content.length === 0 ? [{ type: "text", text: " " }] : content };
}

/** Null: Anthropic would refuse it. */
function writeBlock(part: NeutralPart): object | null {
  switch (part.kind) {
    case "text":
      return part.text === "" ? null : { type: "text", text: part.text };
    case "link":
      return { type: "image", source: { type: "url", url: part.url } };
    case "media":
      return writeMedia(part);
    case "tool-call":
      return { type: "tool_use", id: part.id, name: part.name, input: argumentsAt(part.arguments, "tool_calls.function.arguments") };
    case "tool-result": {
      const content = part.parts.flatMap((inner) => writeBlock(inner) ?? []);
      return { type: "tool_result", tool_use_id: part.id, content, ...(part.isError ? { is_error: true } : {}) };
    }
    case "thinking":
      return part.signature === null || part.signature === "" ? null : { type: "thinking", thinking: part.text, signature: part.signature };
  }
}

function writeMedia({ mediaType, data, name }: Extract<NeutralPart, { kind: "media" }>): object {
  const source = { type: "base64", media_type: mediaType, data };
  if (mediaType.startsWith("image/")) return { type: "image", source };
  if (mediaType === "application/pdf") return { type: "document", source, ...(name === null ? {} : { title: name }) };
  throw new Untranslatable("messages", `Anthropic takes no ${mediaType}`);
}

function writeToolChoice({ toolChoice, parallelTools }: NeutralRequest): object | null {
  if (toolChoice?.kind === "none") return { type: "none" };
  const single = parallelTools === false ? { disable_parallel_tool_use: true } : {};
  if (toolChoice === null) return parallelTools === false ? { type: "auto", ...single } : null;
  return { ...choiceOf(toolChoice), ...single };
}

function choiceOf(choice: NeutralToolChoice): object {
  if (choice.kind === "tool") return { type: "tool", name: choice.name };
  return { type: choice.kind === "required" ? "any" : choice.kind };
}
