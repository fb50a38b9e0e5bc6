import { keyHeaders } from "../jobs/job-run.ts";
import { OpenAiJobs } from "../jobs/openai-jobs.ts";
import { hostedSurface, jsonPage, type MockSurface } from "../mock-surface.ts";
import { type MockDialect, type MockOperation, quotaLines } from "./mock-dialect.ts";
import { openAiChatForm, readOpenAiChat } from "./openai-chat.ts";
import { openAiCompletionForm, readOpenAiCompletion } from "./openai-completions.ts";
import { openAiEmbeddingsForm, readOpenAiEmbeddings } from "./openai-embeddings.ts";
import { openAiRefusal } from "./openai-refusal.ts";
import { openAiResponsesFlavour, readOpenAiResponses } from "./openai-responses.ts";
import { responsesForm } from "./responses-form.ts";
import { StoredResponses } from "./stored-responses.ts";

/** By what follows the path's version, or the name of Azure's deployment. */
export type OpenAiCall = "chat/completions" | "completions" | "embeddings" | "responses";

const refusal = openAiRefusal;
export const openAiOperations: Readonly<Record<OpenAiCall, MockOperation>> = {
  "chat/completions": { parse: readOpenAiChat, form: openAiChatForm, refusal },
  completions: { parse: readOpenAiCompletion, form: openAiCompletionForm, refusal },
  embeddings: { parse: readOpenAiEmbeddings, form: openAiEmbeddingsForm, refusal },
  responses: { parse: readOpenAiResponses, form: (names, body, script) => responsesForm(names, body, script, openAiResponsesFlavour), refusal },
};

export function openAiCallOf(name: string | undefined): OpenAiCall | null {
  return name !== undefined && Object.hasOwn(openAiOperations, name) ? (name as OpenAiCall) : null;
}

/** With files, the Batch API and stored responses below a path. */
export function keptSurface(base: string): MockSurface {
  const jobs = new OpenAiJobs(base);
  const { status, body } = openAiRefusal({ kind: "no-key" });
  const stored = new StoredResponses();
  const surface = hostedSurface({
    pagesAt: (path) => jobs.pagesAt(path) ?? stored.pagesAt(path, base),
    hasKey: (headers) => Object.keys(keyHeaders(headers)).length > 0,
    noKey: { ...jsonPage({}, status), body },
  });
  return { ...surface, stored };
}

/** OpenAI's own API. */
export const openAiDialect: MockDialect = {
  keyHeader: "authorization",
  callAt: (path) => {
    const call = openAiCallOf(/^\/v1\/([^?]+)/.exec(path)?.[1]);
    return call === null ? null : { operation: openAiOperations[call], model: null, stream: null };
  },
  surface: () => keptSurface("/v1"),
  quotaHeaders: (quota) =>
    quotaLines(quota, (what, { limit, remaining, reset }) => [
      `x-ratelimit-limit-${what}`,
      String(limit),
      `x-ratelimit-remaining-${what}`,
      String(remaining),
      `x-ratelimit-reset-${what}`,
      `${Math.ceil(reset / 1000)}ms`,
    ]),
};
