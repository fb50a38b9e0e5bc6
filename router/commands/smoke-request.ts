import { scanBody } from "../providers/body-scan.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";

/** What OpenAI lists beside models that chat, by their names: such a question would only fail. */
const neither = /whisper|tts|transcribe|audio|realtime|dall-e|image|sora|moderation|davinci|babbage|instruct/i;
const embeds = /embed/i;

/** A question of a few tokens; null: by its name the model takes none that is so cheap. */
export function smokeRequest(model: string): CallerRequest | null {
  if (embeds.test(model)) return requestOf("openai-embeddings", { model: "smoke", input: "OK" });
  if (neither.test(model)) return null;
  return requestOf("openai-chat", { model: "smoke", messages: [{ role: "user", content: "Answer with OK." }], max_completion_tokens: 16 });
}

function requestOf(dialect: CallerRequest["dialect"], body: object): CallerRequest {
  const result = scanBody(Buffer.from(JSON.stringify(body)));
  if (result.kind === "malformed") throw new Error(`assertion: ${result.message}`);
  return { dialect, scan: result.scan, headers: [], passed: null };
}
