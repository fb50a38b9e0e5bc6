import { openCredential } from "../credential.ts";
import { makeAdapter } from "../make-adapter.ts";
import { readMessageFailure } from "./failure.ts";
import { writeMessagesRequest } from "./request.ts";
import { readMessageAnswer } from "./response.ts";
import { MessageEventReader } from "./stream.ts";

/** Anthropic's messages API. */
export const anthropic = makeAdapter({
  name: "anthropic",
  speaks: new Set(["anthropic-messages"]),
  path: (_dialect, target) => `${target.basePath}/v1/messages`,
  headers: ["anthropic-version", "2023-06-01"],
  writeRequest: (request, target) => writeMessagesRequest(request, target.model),
  readAnswer: readMessageAnswer,
  openReader: () => new MessageEventReader(),
  readFailure: readMessageFailure,
  authorise: (credential, target) => {
    const key = openCredential(credential, target.origin);
    return key === null ? null : ["x-api-key", key];
  },
});
