/** A broken invariant: a fault of ours, never of the input. */
export function assert(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(`engine: ${message}`);
}
