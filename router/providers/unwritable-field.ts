import { isFields } from "../core/fields.ts";

/** The field that is nested deeper than JSON.stringify can write, though JSON.parse can read it; `body` where it is none, or no JSON at all. */
export function unwritableField(body: Buffer): string {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return (isFields(value) ? Object.keys(value).find((name) => !isWritable(value[name])) : undefined) ?? "body";
  } catch {
    return "body";
  }
}

function isWritable(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}
