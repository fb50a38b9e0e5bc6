import { type Fields, isFields } from "../../../router/core/fields.ts";
import { countWords } from "../word-count.ts";

/** Null: it is no JSON object. */
export function parseFields(bytes: Buffer): Fields | null {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

/** A part of a path; as it stands where it is no percent-encoding: there is no model of that name. */
export function decodedPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Of a text, or of parts or blocks that have some, those within tool results too. */
export function textsIn(content: unknown): readonly string[] {
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown) => {
    if (!isFields(part)) return [];
    return typeof part["text"] === "string" ? [part["text"]] : textsIn(part["content"]);
  });
}

/** Of the `content` of each of a conversation's messages. */
export function textsOfMessages(messages: readonly unknown[]): readonly string[] {
  return messages.flatMap((message) => (isFields(message) ? textsIn(message["content"]) : []));
}

export function wordsIn(texts: readonly string[]): number {
  return texts.reduce((words, text) => words + countWords(text), 0);
}

/** From a first word `#17`, by which a replay says which arrival this is; null: none. */
export function serialOf(texts: readonly string[]): number | null {
  const [first] = texts;
  if (first === undefined || !first.startsWith("#")) return null;
  const serial = /^#(\d{1,15})(?=\s|$)/.exec(first)?.[1];
  return serial === undefined ? null : Number(serial);
}
