/** A broken invariant is a bug of ours, never the user's: it stops the machine. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`assertion: ${what}`);
}

/** For what the types cannot know to be there. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`assertion: ${what} is missing`);
  return value;
}
