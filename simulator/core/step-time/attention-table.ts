/**
 * Attention kernel times over a grid of (tokens of prefill chunks, their past, decodes, context of a decode), linear between its points.
 * `us` is flat in that order, the last index running fastest. Made monotone when it is read: more work never takes less time.
 */
export interface AttentionTableSpec {
  readonly chunk: readonly number[];
  readonly past: readonly number[];
  readonly decodes: readonly number[];
  readonly context: readonly number[];
  readonly us: readonly number[];
}

export class AttentionTable {
  readonly #spec: AttentionTableSpec;
  readonly #us: Float64Array;
  readonly #strides: readonly [number, number, number];
  /** Place of the lower neighbour on each axis, and the share of the way to the upper one. */
  readonly #low = new Int32Array(4);
  readonly #share = new Float64Array(4);

  constructor(spec: AttentionTableSpec) {
    this.#spec = spec;
    const contexts = spec.context.length;
    const decodes = spec.decodes.length * contexts;
    this.#strides = [spec.past.length * decodes, decodes, contexts];
    this.#us = monotone(spec);
  }

  timeOf(chunk: number, past: number, decodes: number, context: number): number {
    this.#bracket(0, this.#spec.chunk, chunk);
    this.#bracket(1, this.#spec.past, past);
    this.#bracket(2, this.#spec.decodes, decodes);
    this.#bracket(3, this.#spec.context, context);
    return this.#along(0, 0);
  }

  #along(axis: number, offset: number): number {
    const low = this.#low[axis] ?? 0;
    const share = this.#share[axis] ?? 0;
    if (axis === 3) {
      const from = this.#us[offset + low] ?? 0;
      return share === 0 ? from : from + share * ((this.#us[offset + low + 1] ?? 0) - from);
    }
    const stride = this.#strides[axis] ?? 0;
    const from = this.#along(axis + 1, offset + low * stride);
    return share === 0 ? from : from + share * (this.#along(axis + 1, offset + (low + 1) * stride) - from);
  }

  /** Beyond the grid the last slope goes on. */
  #bracket(axis: number, grid: readonly number[], at: number): void {
    const last = grid.length - 1;
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((grid[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    const from = grid[low] ?? 0;
    this.#low[axis] = low;
    this.#share[axis] = last === 0 || at <= from ? 0 : (at - from) / ((grid[high] ?? 0) - from);
  }
}

function monotone(spec: AttentionTableSpec): Float64Array {
  const us = Float64Array.from(spec.us);
  const contexts = spec.context.length;
  const strides = [spec.past.length * spec.decodes.length * contexts, spec.decodes.length * contexts, contexts, 1];
  const sizes = [spec.chunk.length, spec.past.length, spec.decodes.length, contexts];
  for (const [axis, stride] of strides.entries()) {
    const size = sizes[axis] ?? 1;
    for (let index = 0; index < us.length; index++) {
      if (Math.floor(index / stride) % size > 0) us[index] = Math.max(us[index] ?? 0, us[index - stride] ?? 0);
    }
  }
  return us;
}
