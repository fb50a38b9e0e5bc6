import { type Fields, isFields } from "../../core/fields.ts";

/** A request that cannot be said in the provider's dialect, or makes no sense in the caller's own. The caller is told which field. */
export class Untranslatable extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

export function fieldsAt(value: unknown, field: string): Fields {
  if (isFields(value)) return value;
  throw new Untranslatable(field, "must be an object");
}

export function listAt(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Untranslatable(field, "must be a list");
}

export function textAt(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw new Untranslatable(field, "must be a text");
}

/** Of what a provider says, where another form is no reason to fail. */
export const textOr = (value: unknown, otherwise = ""): string => (typeof value === "string" || typeof value === "number" ? String(value) : otherwise);

/** Null: absent. */
export function numberAt(value: unknown, field: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Untranslatable(field, "must be a number");
}

export const optionalText = (value: unknown): string | null => (typeof value === "string" ? value : null);
export const optionalFlag = (value: unknown): boolean | null => (typeof value === "boolean" ? value : null);
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** JSON text that must be an object: what tools are called with. */
export function argumentsAt(text: string, field: string): Fields {
  if (text.trim() === "") return {};
  try {
    return fieldsAt(JSON.parse(text), field);
  } catch {
    throw new Untranslatable(field, "must be the JSON text of an object");
  }
}

/** What is given although it means nothing here. @param known fields that were read, or mean the same when left out */
export function leftOver(fields: Fields, known: ReadonlySet<string>): readonly string[] {
  return Object.keys(fields).filter((key) => !known.has(key) && isGiven(fields[key]));
}

export function refuseFields(fields: Fields, refused: readonly string[], why: string): void {
  for (const field of refused) if (isGiven(fields[field]) && fields[field] !== false) throw new Untranslatable(field, why);
}

/** Media in a `data:` URL; null: it is none. */
export function dataUrl(url: string): { readonly mediaType: string; readonly data: string } | null {
  const match = /^data:([^;,]+)(?:;[^;,]+)*;base64,/i.exec(url);
  return match === null ? null : { mediaType: (match[1] ?? "").toLowerCase(), data: url.slice(match[0].length) };
}
