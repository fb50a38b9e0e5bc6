export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null: it is no JSON object. */
export function parseFields(bytes: Buffer): Fields | null {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isFields(value) ? value : null;
  } catch {
    return null;
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

/** From a first word `#17`, by which a replay says which arrival this is; null: none. */
export function serialOf(texts: readonly string[]): number | null {
  const serial = /^#(\d{1,15})(?=\s|$)/.exec(texts[0] ?? "")?.[1];
  return serial === undefined ? null : Number(serial);
}
