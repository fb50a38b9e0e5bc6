/** Whatever a snapshot may hold. */
type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain } | Int32Array | Float64Array;

/** A copy that shares nothing with the original. The types allow interfaces (which have no index signature), the assertion allows nothing but plain data. */
export function copyPlain<T>(value: T): T {
  return copy(value as Plain) as T;
}

function copy(value: Plain): Plain {
  if (value === null || typeof value !== "object") {
    if (typeof value === "function" || typeof value === "symbol") throw new Error("assertion: state holds something that is not plain data");
    return value;
  }
  if (value instanceof Int32Array || value instanceof Float64Array) return value.slice();
  if (Array.isArray(value)) return value.map(copy);
  const result: Record<string, Plain> = {};
  for (const [key, part] of Object.entries(value as { readonly [key: string]: Plain })) result[key] = copy(part);
  return result;
}

/** Whether two pieces of plain data are the same, bit for bit. */
export function samePlain(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => samePlain((one as Readonly<Record<string, unknown>>)[key], (other as Readonly<Record<string, unknown>>)[key]));
}
