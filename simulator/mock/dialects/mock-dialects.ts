import { anthropicDialect } from "./anthropic.ts";
import { azureDialect } from "./azure.ts";
import type { MockDialect } from "./mock-dialect.ts";
import { openAiDialect } from "./openai.ts";
import { vertexDialect } from "./vertex.ts";

/** One line per provider that looks otherwise than vLLM. */
const dialects: Readonly<Record<string, MockDialect>> = { openai: openAiDialect, azure: azureDialect, anthropic: anthropicDialect, vertex: vertexDialect };

export const mockDialectOf = (provider: string, vllm: MockDialect): MockDialect => dialects[provider] ?? vllm;
