import { openCredential } from "../credential.ts";
import type { ProviderAdapter } from "../provider-adapter.ts";
import { readFailure } from "./failure.ts";
import { encodeRequest } from "./request.ts";
import { readAnswer } from "./response.ts";
import { OpenAiStream } from "./stream.ts";

/** Chat completions as OpenAI speaks them: vLLM and every server that is compatible. */
export const openAiCompatible: ProviderAdapter = {
  name: "openai-compatible",
  encode: encodeRequest,
  authorise: (credential, target) => ["authorization", `Bearer ${openCredential(credential, target.origin)}`],
  readFailure: (status, headers, body) => readFailure(status, headers, body, Date.now()),
  readAnswer,
  openStream: (request, out) => new OpenAiStream(request.scan.includeUsage, out),
};
