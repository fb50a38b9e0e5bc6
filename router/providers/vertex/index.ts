import { openCredential } from "../credential.ts";
import { makeAdapter } from "../make-adapter.ts";
import type { Target } from "../provider-adapter.ts";
import { readGenerateFailure } from "./failure.ts";
import { writeGenerateRequest } from "./request.ts";
import { readGenerateAnswer } from "./response.ts";
import { GenerateEventReader } from "./stream.ts";

/** Gemini on Vertex AI: with a project by access tokens, without one by an API key (express mode). */
export const vertex = makeAdapter({
  name: "vertex",
  speaks: new Set([]),
  path: (_dialect, target, stream) => `${modelPath(target)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
  headers: [],
  writeRequest: writeGenerateRequest,
  readAnswer: readGenerateAnswer,
  openReader: () => new GenerateEventReader(),
  readFailure: readGenerateFailure,
  authorise: (credential, target) => {
    const key = openCredential(credential, target.origin);
    if (key === null) return null;
    return target.project === null ? ["x-goog-api-key", key] : ["authorization", `Bearer ${key}`];
  },
});

function modelPath({ basePath, project, location, model }: Target): string {
  const place = project === null ? "" : `/projects/${encodeURIComponent(project)}/locations/${encodeURIComponent(location ?? "global")}`;
  return `${basePath}/v1${place}/publishers/google/models/${encodeURIComponent(model)}`;
}
