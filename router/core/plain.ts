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
