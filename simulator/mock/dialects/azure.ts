import { openAiError } from "../http-refusal.ts";
import { decodedPart } from "./body-fields.ts";
import type { MockDialect, MockOperation } from "./mock-dialect.ts";
import { keptSurface, openAiCallOf, openAiDialect, openAiOperations } from "./openai.ts";

const deploymentPath = /^\/openai\/deployments\/([^/?]+)\/([^?]+)\?(?:.*&)?api-version=[^&]+/;
/** The next generation of its API names the deployment in the body. */
const versionPath = /^\/openai\/v1\/([^?]+)/;

const filtered = openAiError(
  400,
  "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
  "invalid_request_error",
  "prompt",
  "content_filter",
);
const asAzures = (operation: MockOperation): MockOperation => ({
  ...operation,
  refusal: (why) => (why.kind === "content-filtered" ? filtered : operation.refusal(why)),
});

/** Azure OpenAI: the deployment stands in the path, without an api-version there is nothing; or below `/openai/v1` as OpenAI's own. */
export const azureDialect: MockDialect = {
  ...openAiDialect,
  keyHeader: "api-key",
  surface: () => keptSurface("/openai/v1"),
  callAt: (path) => {
    const found = deploymentPath.exec(path);
    const call = openAiCallOf(found?.[2] ?? versionPath.exec(path)?.[1]);
    if (call === null) return null;
    const model = found?.[1];
    return { operation: asAzures(openAiOperations[call]), model: model === undefined ? null : decodedPart(model), stream: null };
  },
};
