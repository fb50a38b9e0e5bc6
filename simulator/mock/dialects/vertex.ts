import type { Usage } from "../../../router/core/messages.ts";
import type { AnswerScript } from "../answer-script.ts";
import { type HttpRefusal, refusalOf } from "../http-refusal.ts";
import { type MockBody, type Parsed, plainWishes, refused } from "../mock-body.ts";
import { hostedSurface } from "../mock-surface.ts";
import { isFields } from "../../../router/core/fields.ts";
import { decodedPart, parseFields, serialOf, textsIn, wordsIn } from "./body-fields.ts";
import { mockCall } from "./tool-calls.ts";
import {
  type AnswerForm,
  type CallNames,
  type MockDialect,
  type MockEnd,
  type MockOperation,
  type MockRefusal,
  type MockRequest,
  noHeaders,
} from "./mock-dialect.ts";

const path = /\/publishers\/google\/models\/([^/:?]+):(generateContent|streamGenerateContent\?(?:.*&)?alt=sse)/;
const error = (code: number, status: string, message: string, retryAfterSeconds: number | null = null) =>
  refusalOf(
    code,
    {
      error: {
        code,
        message,
        status,
        ...(retryAfterSeconds === null ? {} : { details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${retryAfterSeconds}s` }] }),
      },
    },
    retryAfterSeconds,
  );

const candidatesMax = 8;

const operation: MockOperation = { parse, form, refusal };

/** Gemini on Vertex AI: the model and whether it is a stream stand in the path. */
export const vertexDialect: MockDialect = {
  keyHeader: "x-goog-api-key",
  callAt: (url) => {
    const found = path.exec(url);
    return found === null ? null : { operation, model: decodedPart(found[1] ?? ""), stream: found[2] !== "generateContent" };
  },
  surface: () => hostedSurface(),
  quotaHeaders: () => noHeaders,
};

function refusal(why: MockRefusal): HttpRefusal {
  switch (why.kind) {
    case "rate-limited":
      return error(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", why.retryAfterSeconds);
    case "context-exceeded":
      return error(400, "INVALID_ARGUMENT", `The input token count (${why.inputTokens}) exceeds the maximum number of tokens allowed (${why.tokensMax}).`);
    case "overloaded":
    case "backlog-full":
      return error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.");
    case "server-error":
      return error(500, "INTERNAL", "Internal error encountered.");
    case "content-filtered":
      return error(400, "INVALID_ARGUMENT", "The prompt was blocked by the content policy.");
    case "no-key":
      return error(401, "UNAUTHENTICATED", "Request is missing required authentication credential.");
    case "unknown-model":
      return error(404, "NOT_FOUND", `Publisher Model \`${why.model}\` was not found.`);
    case "bad-request":
      return error(400, "INVALID_ARGUMENT", why.message);
  }
}

function parse({ bytes, place }: MockRequest): Parsed {
  const fields = parseFields(bytes);
  const refuse = (message: string): Parsed => refused(refusal({ kind: "bad-request", message }));
  if (fields === null) return refuse("Invalid JSON payload received.");
  const contents: readonly unknown[] = Array.isArray(fields["contents"]) ? fields["contents"] : [];
  if (contents.length === 0) return refuse("contents is not specified");
  const config = isFields(fields["generationConfig"]) ? fields["generationConfig"] : {};
  const answers = typeof config["candidateCount"] === "number" ? config["candidateCount"] : 1;
  if (!(answers >= 1 && answers <= candidatesMax))
    return refuse(
      `Unable to submit request because it has a candidateCount value of ${answers} but the supported range is from 1 (inclusive) to 9 (exclusive).`,
    );
  const system = isFields(fields["systemInstruction"]) ? textsIn(fields["systemInstruction"]["parts"]) : [];
  const texts = [...system, ...contents.flatMap((content) => (isFields(content) ? textsIn(content["parts"]) : []))];
  const stop: readonly unknown[] = Array.isArray(config["stopSequences"]) ? config["stopSequences"] : [];
  const body: MockBody = {
    model: place.model,
    texts,
    inputTokens: Math.max(1, wordsIn(texts)),
    outputTokensMax: typeof config["maxOutputTokens"] === "number" ? config["maxOutputTokens"] : null,
    outputTokensMin: 0,
    exactLength: false,
    stream: place.stream === true,
    includeUsage: true,
    serial: serialOf(texts),
    calls: callsOf(fields, contents),
    answers,
    wishes: { ...plainWishes, stop: stop.filter((word) => typeof word === "string") },
  };
  return { kind: "body", body };
}

function callsOf(fields: Readonly<Record<string, unknown>>, contents: readonly unknown[]): MockBody["calls"] {
  const last = contents.at(-1);
  const parts: readonly unknown[] = isFields(last) && Array.isArray(last["parts"]) ? last["parts"] : [];
  const config = isFields(fields["toolConfig"]) && isFields(fields["toolConfig"]["functionCallingConfig"]) ? fields["toolConfig"]["functionCallingConfig"] : {};
  if (config["mode"] === "NONE" || parts.some((part) => isFields(part) && isFields(part["functionResponse"]))) return [];
  const tools: readonly unknown[] = Array.isArray(fields["tools"]) ? fields["tools"] : [];
  const declared = tools.flatMap((tool): readonly unknown[] =>
    isFields(tool) && Array.isArray(tool["functionDeclarations"]) ? tool["functionDeclarations"] : [],
  );
  return declared.flatMap((tool) => (isFields(tool) ? mockCall(tool["name"], tool["parametersJsonSchema"] ?? tool["parameters"]) : [])).slice(0, 2);
}

function form({ id, model }: CallNames, { calls, answers }: MockBody, script: AnswerScript): AnswerForm {
  const reasonOf = (reason: MockEnd): string => (reason === "stop" || calls.length > 0 || script.stopped !== null ? "STOP" : "MAX_TOKENS");
  const answer = (parts: readonly object[], reason: MockEnd | null, usage: Usage | null): object => ({
    candidates: Array.from({ length: answers }, (_, index) => ({
      index,
      content: { role: "model", parts },
      ...(reason === null ? {} : { finishReason: reasonOf(reason) }),
    })),
    ...(usage === null ? {} : { usageMetadata: usageOf(usage, answers) }),
    modelVersion: model,
    responseId: id,
  });
  const sse = (value: object): Buffer => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);
  const called = calls.map((call) => ({ functionCall: { name: call.name, args: JSON.parse(call.arguments) as unknown } }));
  const text = called.length === 0;
  const token = (place: number): Buffer => (text ? sse(answer([{ text: script.pieceAt(place) }], null, null)) : Buffer.alloc(0));
  const always = token(0);
  return {
    opening: Buffer.alloc(0),
    token: (place) => (script.uniform ? always : token(place)),
    last: (reason, usage) => sse(answer(text ? [{ text: script.pieceAt(usage.output - 1) }] : called, reason, usage)),
    plain: (reason, usage) => JSON.stringify(answer(text ? [{ text: script.text(usage.output) }] : called, reason, usage)),
  };
}

function usageOf({ input, cachedRead, output, reasoning }: Usage, answers: number): object {
  return {
    promptTokenCount: input,
    candidatesTokenCount: (output - reasoning) * answers,
    totalTokenCount: input + output * answers,
    ...(cachedRead === 0 ? {} : { cachedContentTokenCount: cachedRead }),
    ...(reasoning === 0 ? {} : { thoughtsTokenCount: reasoning * answers }),
  };
}
