/** A line through measured points, x ascending. Constant before the first, the last slope behind the last. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export function valueAt({ x, y }: Curve, at: number): number {
  const last = x.length - 1;
  if (last <= 0 || at <= (x[0] ?? 0)) return y[0] ?? 0;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  const from = x[low] ?? 0;
  const start = y[low] ?? 0;
  return start + ((at - from) / ((x[high] ?? 0) - from)) * ((y[high] ?? 0) - start);
}
