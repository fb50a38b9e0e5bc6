export type PlaceInValue = readonly (string | number)[];

/** All places in a value, as lists of keys. */
export function placesIn(value: unknown, here: PlaceInValue = []): readonly PlaceInValue[] {
  if (typeof value !== "object" || value === null) return [here];
  const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((one, place) => [place, one] as const)
    : Object.entries(value);
  return [here, ...entries.flatMap(([key, inner]) => placesIn(inner, [...here, key]))];
}

/** A copy with another value at a place. */
export function changed(value: unknown, place: PlaceInValue, to: unknown): unknown {
  const [key, ...rest] = place;
  if (key === undefined) return to;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[key] = changed(copy[key], rest, to);
  return copy;
}
