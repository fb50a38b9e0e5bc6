import type { Usage } from "../../core/messages.ts";
import { isRecord, readUsage } from "./usage.ts";

const usageMark = '"usage":{';

/** The last `usage` of a plain answer is read without the rest, where it can be told apart; else the answer is parsed. */
export function readAnswer(body: Uint8Array): { readonly body: Uint8Array; readonly usage: Usage | null } {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return { body, usage: usageAtMark(bytes) ?? usageOfParsed(bytes) };
}

function usageAtMark(body: Buffer): Usage | null {
  // Within a JSON string the quotes would be escaped, so this can only be a key.
  const at = body.lastIndexOf(usageMark);
  if (at === -1) return null;
  const start = at + usageMark.length - 1;
  let depth = 0;
  for (let place = start; place < body.length; place++) {
    if (body[place] === 0x7b) depth += 1;
    else if (body[place] === 0x7d && --depth === 0) return parsedUsage(body.toString("utf8", start, place + 1));
  }
  return null;
}

function parsedUsage(text: string): Usage | null {
  try {
    return readUsage(JSON.parse(text));
  } catch {
    return null;
  }
}

function usageOfParsed(body: Buffer): Usage | null {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return isRecord(value) ? readUsage(value["usage"]) : null;
  } catch {
    return null;
  }
}
