import type { Dialect } from "../provider-adapter.ts";
import { readMessagesRequest } from "./anthropic-messages/read-request.ts";
import { writeMessage } from "./anthropic-messages/write-answer.ts";
import { MessageStreamWriter } from "./anthropic-messages/write-stream.ts";
import type { CallerDialect } from "./caller-dialect.ts";
import { readChatRequest } from "./openai-chat/read-request.ts";
import { writeChatAnswer } from "./openai-chat/write-answer.ts";
import { ChatStreamWriter } from "./openai-chat/write-stream.ts";
import { readResponsesRequest } from "./openai-responses/read-request.ts";
import { writeResponse } from "./openai-responses/write-answer.ts";
import { ResponseStreamWriter } from "./openai-responses/write-stream.ts";

/** One line per dialect that can be translated. */
export const callerDialects: Readonly<Partial<Record<Dialect, CallerDialect>>> = {
  "openai-chat": { readRequest: readChatRequest, writeAnswer: writeChatAnswer, openWriter: (about) => new ChatStreamWriter(about) },
  "anthropic-messages": { readRequest: readMessagesRequest, writeAnswer: writeMessage, openWriter: (about) => new MessageStreamWriter(about) },
  "openai-responses": { readRequest: readResponsesRequest, writeAnswer: writeResponse, openWriter: (about) => new ResponseStreamWriter(about) },
};
