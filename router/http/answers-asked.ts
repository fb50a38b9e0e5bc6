import type { BodyScan } from "../providers/body-scan.ts";
import type { CallerRequest } from "../providers/provider-adapter.ts";

/** A provider refuses far fewer, and nothing here may overflow. */
const answersMax = 1_000_000;
const openBracket = 0x5b;

/** How many answers a call asks for, each as long as its cap allows: `n` or `best_of`, to each of its prompts. */
export function answersAsked({ dialect, scan }: CallerRequest): number {
  if (dialect === "openai-chat") return Math.min(scan.answers, answersMax);
  return dialect === "openai-completions" ? Math.min(scan.answers * promptsIn(scan), answersMax) : 1;
}

/** A text, a list of token ids, or a list of either. */
function promptsIn({ body, prompt }: BodyScan): number {
  const list = prompt.find(({ start }) => body[start] === openBracket);
  if (list === undefined) return 1;
  try {
    const prompts = JSON.parse(body.toString("utf8", list.start, list.end)) as readonly unknown[];
    return prompts.every((item) => typeof item === "number") ? 1 : prompts.length;
  } catch {
    // Whoever reads all of the body says so.
    return 1;
  }
}
