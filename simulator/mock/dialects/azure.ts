import { openAiError } from "../http-refusal.ts";
import type { MockDialect } from "./mock-dialect.ts";
import { openAiDialect } from "./openai.ts";

const azurePath = /^\/openai\/deployments\/([^/?]+)\/chat\/completions\?(?:.*&)?api-version=[^&]+/;

/** Azure OpenAI: the deployment stands in the path, without an api-version there is nothing. */
export const azureDialect: MockDialect = {
  ...openAiDialect,
  keyHeader: "api-key",
  refusal: (why) => {
    if (why.kind !== "content-filtered") return openAiDialect.refusal(why);
    return openAiError(
      400,
      "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
      "invalid_request_error",
      "prompt",
      "content_filter",
    );
  },
  callAt: (path) => {
    const model = azurePath.exec(path)?.[1];
    return model === undefined ? null : { model: decodeURIComponent(model), stream: null };
  },
};
