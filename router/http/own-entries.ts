import { idsInText } from "./issued-ids.ts";
import { isFields } from "../core/fields.ts";

/** A provider's list as one of several tenants may see it: without the entries that name an id of another's. What is no list stays as it is. */
export function ownEntries(body: Uint8Array, isForeign: (id: string) => boolean): Uint8Array {
  const list = listIn(body);
  if (list === null) return body;
  const own = list.data.filter((entry) => !(idsIn(entry)?.some(isForeign) ?? true));
  return own.length === list.data.length ? body : Buffer.from(JSON.stringify({ ...list, data: own }));
}

/** Null: it is nested beyond what can be written. */
function idsIn(entry: unknown): readonly string[] | null {
  try {
    return idsInText(JSON.stringify(entry));
  } catch {
    return null;
  }
}

function listIn(body: Uint8Array): { readonly data: readonly unknown[] } | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
    return isFields(value) && Array.isArray(value["data"]) ? { ...value, data: value["data"] as readonly unknown[] } : null;
  } catch {
    return null;
  }
}
