import type { FieldPath } from "../../router/config/yaml-source.ts";
import { type Fields, isFields } from "../../router/core/fields.ts";

/** Mappings are merged key by key. Everything else replaces: lists, single values, and a mapping of another `kind`. */
export function deepMerge(upper: unknown, lower: unknown): unknown {
  if (!isFields(upper) || !isFields(lower) || replaces(upper, lower)) return upper;
  const merged: Record<string, unknown> = { ...lower };
  for (const [key, value] of Object.entries(upper)) merged[key] = key in lower ? deepMerge(value, lower[key]) : value;
  return merged;
}

export function replaces(upper: unknown, lower: unknown): boolean {
  if (!isFields(upper) || !isFields(lower)) return true;
  const [own, other] = [upper["kind"], lower["kind"]];
  return own !== undefined && other !== undefined && own !== other;
}

/** With the value at the path exchanged; null where the path leads through something that is neither a mapping nor a list, or past a list's end. */
export function withValueAt(root: unknown, path: FieldPath, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(root)) {
    const place = Number(step);
    if (!(Number.isInteger(place) && place >= 0 && place < root.length)) return null;
    const changed = withValueAt(root[place], rest, value);
    return changed === null && rest.length > 0 ? null : root.with(place, changed);
  }
  if (root !== undefined && root !== null && !isFields(root)) return null;
  const mapping = (root ?? {}) as Fields;
  const changed = withValueAt(mapping[step], rest, value);
  return changed === null && rest.length > 0 ? null : { ...mapping, [step]: changed };
}
